"""What can be read again, the rule where readers differ, and the record, over a small lab of labels."""

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import PatchGrades
from ui.agreement import reviews
from ui.shell import session

PROJECT = READER = 1  # of the bench


@pytest.fixture
def lab(lab, label_bench, monkeypatch):
    """A lab in which Ben has graded a slide's thirty patches and Ada, the reader at the screen, two of them, otherwise."""
    ada, ben, _ = label_bench.readers
    assert (label_bench.project, ada) == (PROJECT, READER)
    patches = label_bench.patches[label_bench.slides[0]]
    for reader, seen, grade in ((ben, patches, 1), (ada, patches[:2], 3)):
        graded = [PatchGrades(patch, Grades(steatosis=grade)) for patch in seen]
        lab.labels.acts.put_many(label_bench.project, reader, graded)
    for module in (reviews, session):
        monkeypatch.setattr(module, "lab", lambda: lab)
    monkeypatch.setattr(reviews, "open_page", lambda page: None)
    reviews.checked.clear()
    return lab


def again():
    from types import SimpleNamespace

    from ui.agreement.reviews import read_again

    read_again(1, SimpleNamespace(id=1))


def nobody():
    from ui.agreement.reviews import read_again

    read_again(1, None)


def rule():
    from types import SimpleNamespace

    from ui.agreement.reviews import consensus_rule

    consensus_rule(1, SimpleNamespace(id=1))


def record():
    from ui.agreement.reviews import record

    record()


def test_what_there_is_to_read_depends_on_who_reads(lab):
    app = AppTest.from_function(nobody, default_timeout=60).run()
    assert app.info[0].value.startswith("Who is reading? Choose") and not app.button


def test_each_kind_says_how_many_patches_wait_and_none_is_begun_without_any(lab):
    app = AppTest.from_function(again, default_timeout=60).run()
    assert not app.exception
    assert [title.value for title in app.header] == ["Second reads", "Repeat reads", "Settle disagreements"]
    said = [caption.value for caption in app.caption]
    assert said == ["3 patches to read.", "You graded no patch that long ago.", "2 patches to read."]
    assert [app.button(key=f"review_{kind}").disabled for kind in reviews.CARDS] == [False, True, False]


def test_a_review_that_was_begun_is_gone_on_with(lab):
    app = AppTest.from_function(again, default_timeout=60).run()
    app.button(key="review_second").click().run()
    (view,) = lab.labels.sessions.of_project(PROJECT, READER)
    assert (view.kind, view.patches) == ("second", 3)
    app = AppTest.from_function(again, default_timeout=60).run()
    assert app.button(key="review_second").label == "Go on"
    assert app.caption[0].value == "3 patches left in the session you began."


def test_the_rule_is_set_by_whoever_is_at_the_screen_and_one_reader_has_to_be_named(lab):
    app = AppTest.from_function(rule, default_timeout=60).run()
    assert app.button(key="set_rule").disabled
    app.selectbox[0].set_value("reader").run()
    assert app.button(key="set_rule").disabled, "no reader is named yet"
    app.selectbox[1].set_value(2).run()
    app.button(key="set_rule").click().run()
    now = lab.labels.consensus.rule(PROJECT)
    assert (now.rule, now.reader_id, now.set_by) == ("reader", 2, "Ada")


def test_a_long_record_is_checked_only_when_asked(lab, monkeypatch):
    app = AppTest.from_function(record, default_timeout=60).run()
    assert app.success[0].value.startswith("All 32 acts are as they were written.")
    monkeypatch.setattr(reviews, "QUICK", 31)
    app = AppTest.from_function(record, default_timeout=60).run()
    assert "holds 32 acts and was not checked" in app.info[0].value and not app.success
    app.button(key="check_record").click().run()
    assert app.success


def test_a_changed_act_is_named_with_what_to_do(lab, label_bench):
    with label_bench.db.begin() as connection:
        connection.execute(text("DROP TRIGGER label_events_no_update"))
        connection.execute(text("UPDATE label_events SET steatosis = 2 WHERE id = 5"))
    app = AppTest.from_function(record, default_timeout=60).run()
    assert app.error[0].value.startswith("Act 5 (bulk by Ben on slide 0 at ")
    assert "The 4 acts before it are as they were written. Stop labelling" in app.error[0].value
