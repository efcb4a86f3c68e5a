"""A slide's facts, drawn by themselves."""

from streamlit.testing.v1 import AppTest


def facts() -> None:
    from tests.ui.shell.test_words import slide
    from ui.slides.slide_facts import facts_table

    known = {"vendor": "aperio", "reader": "openslide", "patches": 1200, "usable": 1000, "labelled": 7, "patient": "P1",
             "accession_number": "A*1*"}  # fmt: skip
    facts_table(slide(**known), [])


def test_what_is_missing_is_said_to_be_missing():
    (table,) = AppTest.from_function(facts, default_timeout=60).run().table
    said = table.value.iloc[:, 0].to_dict() if table.value.shape[1] == 1 else table.value.iloc[0].to_dict()
    assert said["Resolution"] == "missing"
    assert (said["Patient"], said["Stain"], said["Core length"]) == ("P1", "unknown", "not measured")
    assert (said["Accession number"], said["Barcode"]) == ("A\\*1\\*", "unknown")
    assert said["Patches"] == "1,000 in use of 1,200 laid; 7 labelled"
    assert said["File format"] == "aperio, read by openslide"
