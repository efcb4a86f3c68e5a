"""The list of slides, drawn by itself; QuPath is gone through on the whole page."""

from streamlit.testing.v1 import AppTest


def listed() -> None:
    from tests.ui.shell.test_words import slide
    from ui.slides.slides import slide_table

    slide_table([slide(name="*a*.svs", path="/nowhere/a.svs", visit="2", staining_run="r7")], {})


def test_a_slide_whose_picture_cannot_be_drawn_is_listed_with_what_is_known():
    (table,) = AppTest.from_function(listed, default_timeout=60).run().dataframe
    row = table.value.iloc[0]
    assert (row["Slide"], row["Visit"], row["Staining run"]) == ("*a*.svs", "2", "r7")
