"""Parts of the Slides page drawn by themselves."""

from streamlit.testing.v1 import AppTest


def outcomes() -> None:
    from mmdnet.workflows.slides.views import IngestOutcome
    from ui.slides.slides import show_outcomes

    show_outcomes(
        [
            IngestOutcome("a.svs", 1, None),
            IngestOutcome("b.svs", 2, None),
            IngestOutcome("c.svs", None, "c.svs is bad."),
        ]
    )


def test_what_came_in_is_one_line_and_each_refusal_its_own():
    app = AppTest.from_function(outcomes, default_timeout=60).run()
    assert [line.value for line in app.success] == ["Added a.svs, b.svs."]
    assert [line.value for line in app.error] == ["c.svs is bad."]


def facts() -> None:
    from tests.ui.shell.test_words import slide
    from ui.slides.slides import facts_table

    known = {"vendor": "aperio", "reader": "openslide", "patches": 1200, "usable": 1000, "labelled": 7, "patient": "P1"}
    facts_table(slide(**known), [])


def test_what_is_missing_is_said_to_be_missing():
    (table,) = AppTest.from_function(facts, default_timeout=60).run().table
    said = table.value.iloc[:, 0].to_dict() if table.value.shape[1] == 1 else table.value.iloc[0].to_dict()
    assert said["Resolution"] == "missing"
    assert (said["Patient"], said["Stain"], said["Core length"]) == ("P1", "unknown", "–")
    assert said["Patches"] == "1,000 in use of 1,200 laid; 7 labelled"
    assert said["File format"] == "aperio, read by openslide"


def unused() -> None:
    from types import SimpleNamespace

    from tests.ui.shell.test_words import slide
    from ui.slides.slides import set_aside_gallery

    set_aside_gallery(slide(), [SimpleNamespace(set_aside=None)])


def test_a_slide_of_which_all_is_used_says_so():
    app = AppTest.from_function(unused, default_timeout=60).run()
    assert [line.value for line in app.caption] == ["No patch of this slide is set aside."]
