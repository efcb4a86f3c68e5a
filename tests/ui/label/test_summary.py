"""What is told when a session ends, and what is asked after the first slides."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.labels.grading import TASK_NAMES, TASKS
from tests.label_bench import act
from ui.label import summary
from ui.label.summary import first_look_words, summary_words


@pytest.fixture
def lab(lab, monkeypatch):
    monkeypatch.setattr(summary, "lab", lambda: lab)
    return lab


def label(bench, view, count, **changes):
    for number, item in enumerate(bench.labels.sessions.queue(view.id)[:count]):
        bench.labels.acts.put(act(bench, view, item, number, **changes))


def ended(session_id):
    from ui.label import summary as parts

    parts.session_summary(parts.lab().labels.sessions.get(session_id))


def asked(session_id):
    from types import SimpleNamespace

    from ui.label import summary as parts

    parts.first_look(SimpleNamespace(id=1), parts.lab().labels.sessions.get(session_id))


def test_a_finished_session_says_what_was_given_and_how_long_it_took(lab, label_bench, view):
    label(label_bench, view, view.patches, grades={"steatosis": 2}, took_ms=30_000)
    app = AppTest.from_function(ended, default_timeout=60, args=(view.id,)).run()
    assert not app.exception
    unknown = 100 * (len(TASKS) - 1) / len(TASKS)  # 67 % of three
    assert app.markdown[0].value == (
        f"**Finished.** 10 patches labelled, 0 of them ignored, 0 flagged, {unknown:.0f} % of the grades unknown, 5 min in "
        "all, 30.0 s a patch in the median"
    )
    html = app.get("html")[0].proto.body
    assert "× 10" in html and html.count("100 %") == len(TASKS) - 1


def test_after_the_second_slide_a_button_opens_the_question_and_an_answer_ends_it(lab, label_bench):
    view = label_bench.session(per_slide=8)
    app = AppTest.from_function(asked, default_timeout=60, args=(view.id,)).run()
    assert not app.markdown and not app.button
    label(label_bench, view, 12, grades={"steatosis": 2, "ballooning": 0})
    app.run()
    words = app.markdown[0].value
    assert "**Patches of 2 slides graded** · 2.0 s a patch" in words and "lobular inflammation: 100 %" in words
    app.button(key="judgeable_no").click().run()
    assert not app.markdown and lab.labels.sessions.get(view.id).plan.judgeable is False


def test_nothing_is_said_of_what_is_not_known():
    shares = dict.fromkeys(TASK_NAMES)
    none = SimpleNamespace(
        patches=1, ignored=1, flagged=0, unknown=None, minutes=None, pace_s=None, unknown_share=shares
    )
    assert summary_words(none) == "1 patch labelled, 1 of them ignored, 0 flagged, – of the grades unknown"
    assert "s a patch" not in first_look_words(none, 2) and "most of" not in first_look_words(none, 2)
