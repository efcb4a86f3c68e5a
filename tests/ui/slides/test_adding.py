"""Ways in for slides, drawn by themselves."""

from streamlit.testing.v1 import AppTest


def outcomes() -> None:
    from mmdnet.workflows.slides.views import IngestOutcome
    from ui.slides.adding import show_outcomes

    show_outcomes(
        [
            IngestOutcome("a.svs", 1, None),
            IngestOutcome("b.svs", 2, None),
            IngestOutcome("c.svs", None, "c.svs is bad."),
            IngestOutcome("d.svs", 4, None, notes=("It was here already, as d.svs.",), was_here=True),
        ]
    )


def test_what_came_in_is_one_line_and_each_refusal_its_own():
    app = AppTest.from_function(outcomes, default_timeout=60).run()
    assert [line.value for line in app.success] == ["Added a.svs, b.svs."]
    assert [line.value for line in app.error] == ["c.svs is bad."]
    assert [line.value for line in app.warning] == ["d.svs: It was here already, as d.svs."]
