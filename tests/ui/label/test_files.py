"""Labels out to a file and in again, on the page: what may be saved, and what an import says before it does anything."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import PatchGrades
from ui.label import files
from ui.shell import session

HEADER = "slide,x_px0,y_px0,reader,steatosis,remark\n"


@pytest.fixture
def lab(lab, label_bench, monkeypatch):
    """A lab in which Ada has graded two patches of the first slide and Ben three, of which one is Ada's, too."""
    ada, ben, _ = label_bench.readers
    patches = label_bench.patches[label_bench.slides[0]]
    for reader, seen in ((ada, patches[:2]), (ben, patches[1:4])):
        graded = [PatchGrades(patch, Grades(steatosis=1)) for patch in seen]
        lab.labels.acts.put_many(label_bench.project, reader, graded)
    listed = [SimpleNamespace(id=slide, name=f"slide {n}", labelled=4 - 4 * n) for n, slide in enumerate((1, 2))]
    lab.slides.list = lambda project_id: listed
    for module in (files, session):
        monkeypatch.setattr(module, "lab", lambda: lab)
    return lab


def out(reader):
    from types import SimpleNamespace

    from ui.label.files import export

    export(SimpleNamespace(id=1, name="North / 2026"), SimpleNamespace(id=reader))


def back():
    from types import SimpleNamespace

    from ui.label.files import import_

    import_(SimpleNamespace(id=1), SimpleNamespace(id=1, name="Ada"))


def sent(text: str) -> AppTest:
    app = AppTest.from_function(back, default_timeout=60).run()
    app.get("file_uploader")[0].upload("labels.csv", (HEADER + text).encode(), "text/csv").run()
    assert not app.exception
    return app


def test_the_number_of_labels_and_of_those_that_stay_out_is_told(lab):
    app = AppTest.from_function(out, default_timeout=60, args=(1,)).run()
    assert app.caption[0].value == (
        "3 labels in all. 2 labels of other readers stay out until you have graded those patches."
    )
    (button,) = app.get("download_button")
    assert button.proto.label == "Save labels" and not button.proto.disabled


def test_who_may_see_none_saves_none(lab):
    app = AppTest.from_function(out, default_timeout=60, args=(3,)).run()
    assert app.info[0].value.startswith("There are no labels you may see yet.")
    assert not app.get("download_button")


def test_qupath_takes_one_slide_that_has_labels_and_other_kinds_all(lab):
    app = AppTest.from_function(out, default_timeout=60, args=(1,)).run()
    assert app.selectbox[1].options == ["all", "slide 0"]
    app.selectbox(key="export_kind").set_value("geojson").run()
    assert app.selectbox[1].options == ["slide 0"] and not app.exception


def test_a_file_without_fault_is_put_in_with_one_press(lab, label_bench):
    app = sent("slide 0,0,0,Ada,1,x\nslide 0,299,0,Ada,3,x\n")
    assert "**1 new label** to import (Ada: 1 label)" in [text.value for text in app.markdown]
    assert [caption.value for caption in app.caption][-1] == "Columns that mean nothing here: remark."
    before = lab.labels.record.length()
    app.button(key="import_now").click().run()
    assert lab.labels.record.length() == before + 1
    assert not app.get("file_uploader")[0].value, "the next file is asked for"


def test_a_fault_is_named_with_its_line_and_nothing_is_put_in(lab):
    before = lab.labels.record.length()
    app = sent("slide 0,0,0,Ada,9,x\nslide 0,299,0,Ada,3,x\n")
    assert app.error[0].value == "1 line cannot be used. Nothing has been imported."
    assert app.dataframe[0].value.to_dict("list") == {
        "Line": [2],
        "What is wrong": ["has steatosis 9; the scale is 0 to 3"],
    }
    assert app.button(key="import_now").label == "Import the good rows only"
    assert lab.labels.record.length() == before


def test_a_file_that_brings_nothing_new_says_so(lab):
    app = sent("slide 0,0,0,Ada,1,x\n")
    assert app.success[0].value == "Every label of this file stands already."
    assert not app.button
