"""The head of the Report page: signed is signed, and what is not reportable is no number."""

import json

from streamlit.testing.v1 import AppTest

from tests.pages.conftest import texts


def head(signed: bool = False, valid: bool = True, read: bool = False):
    from datetime import UTC, datetime

    from mmdnet.labels.grading import Grades
    from mmdnet.reports.build import build_report
    from mmdnet.scoring.validity import Validity, judge_validity
    from mmdnet.workflows.scoring.views import SignOffView
    from tests.mmdnet.reports import crafted
    from ui.report import headline

    nothing = {"stain": "H&E", "simulated": False, "learnt_patient": False}
    bad = judge_validity(crafted.score(), crafted.card(), {}, **nothing)
    report = build_report(crafted.inputs(validity=Validity() if valid else bad))
    grades = Grades(steatosis=2, inflammation=1, ballooning=1)
    by_ada = SignOffView(1, 3, 1, "Ada *A*", None, grades, "by eye", "ab" * 32, datetime(2026, 3, 4, tzinfo=UTC))
    headline.headline(report, [by_ada] if signed else [], grades if read else None)


def drawn(**given) -> str:
    app = AppTest.from_function(head, kwargs=given, default_timeout=60).run()
    assert not app.exception
    return texts(app)


def test_signed_grades_lead_and_the_models_stand_below_with_what_differs():
    words = drawn(signed=True)
    assert words.index("<b>4</b>") < words.index("Model: NAS") < words.index("<b>5</b>")
    assert "signed by Ada *A*" in words
    assert words.count("mmd-differs") == 1 and "signed 1" in words


def test_a_readers_own_grades_lead_where_they_came_first_and_what_differs_from_the_models_is_marked():
    words = drawn(read=True)
    assert (
        words.index("<b>4</b>") < words.index("your own grades") < words.index("Model: NAS") < words.index("<b>5</b>")
    )
    assert words.count("mmd-differs") == 1 and "yours 1" in words and "not signed" in words


def test_a_model_nobody_validated_has_no_nas_but_the_reason_and_the_remedy():
    words = drawn(valid=False)
    assert "<b>5</b>" not in words and "not reportable" in words and "interval" not in words
    assert "The model was not validated on other patients" in words
    assert "evaluate it on them" in words


def way_on(waiting: list[int]):
    import streamlit as st

    from ui.report import headline

    headline.unsigned_steps(waiting, 5)
    headline.after_signing(waiting, 5, signatures=1)
    st.write(f"at {st.session_state.get('at_score')}")


def test_after_a_signature_the_next_report_that_waits_is_one_press_away():
    for waiting, following in (([3, 5, 9], 9), ([3, 9], 3), ([3, 5], 3)):
        app = AppTest.from_function(way_on, kwargs={"waiting": waiting}, default_timeout=60).run()
        assert not app.exception
        (lead,) = app.get("bidi_component")
        assert "begin_at_after_signing_1" in lead.proto.id, "Enter goes on to it"
        assert json.loads(lead.proto.json) == {"key": "after_signing", "top": True}, "and the head is in sight"
        app.button(key="after_signing").click().run()
        assert f"at {following}" in texts(app)
    for none in ([], [5]):
        app = AppTest.from_function(way_on, kwargs={"waiting": none}, default_timeout=60).run()
        assert app.button(key="after_signing").label == "Overview"
        assert "No other report of this project waits for a signature." in texts(app)
