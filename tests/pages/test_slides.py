"""The Slides page: in, refused, measured, looked at, queued, overruled."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from db.models import Job, Slide
from mmdnet.labels.grading import Grades
from tests.nas import by_task
from ui.shell.literal import literal
from ui.slides import overview
from ui.slides.pictures import Region


@pytest.fixture
def without_viewer(monkeypatch):
    """A lab whose viewer could not be installed: the slide is a still picture."""
    monkeypatch.setattr(overview, "viewer_is_here", lambda: False)


def shown(slide_id: int, x1: float, y1: float, x2: float, y2: float, stamp: int = 1) -> dict:
    """What the picture component sends for a press on an overview shown 450 px wide."""
    return {
        f"overview_{slide_id}": {
            "x1": x1,
            "y1": y1,
            "x2": x2,
            "y2": y2,
            "width": 450,
            "height": 450,
            "unix_time": stamp,
        }
    }


@pytest.mark.parametrize("path", ["/nowhere/at/all.svs", "../../../etc/shadow-of-nothing", "\0"])
def test_a_path_that_cannot_be_read_is_refused_in_a_sentence_and_starts_nothing(filled, filled_home, path):
    app = filled("slides")
    app.text_input(key="add_path").set_value(path)
    app.form_submit_button[0].click().run()
    assert len(app.error) == 1 and app.error[0].value.endswith(".")
    assert "Traceback" not in app.error[0].value
    assert filled_home.lab.jobs.list(filled_home.project, active=True) == [
        job for job in filled_home.lab.jobs.list(filled_home.project, active=True) if job.kind != "ingest"
    ]


def test_a_folder_is_added_in_the_background_with_the_facts_that_were_given(filled, filled_home):
    folder = filled_home.lab.settings.folder("slides")  # the one pages may add from where none is named
    good = (filled_home.lab.settings.home / "slide_0.png").read_bytes()
    (folder / "new.png").write_bytes(good + b"\0")
    app = filled("slides")
    app.text_input(key="add_path").set_value(f"{folder}; {folder / 'new.png'}")
    app.number_input(key="add_mpp").set_value(0.5)
    app.text_input(key="add_patient").set_value("P7")
    app.form_submit_button[0].click().run()
    assert not app.error
    (job,) = [job for job in filled_home.lab.jobs.list(filled_home.project) if job.kind == "ingest"]
    assert job.status == "queued" and job.title == f"Add folder {folder.name} and 1 file"


def test_the_form_begins_anew_for_the_next_slide_but_for_what_is_the_labs(filled, filled_home):
    """A patient's id left standing would go to the next patient's slide, and the split by patients with it."""
    folder = filled_home.lab.settings.folder("slides")
    (folder / "new.png").write_bytes((filled_home.lab.settings.home / "slide_0.png").read_bytes() + b"\0")
    app = filled("slides")
    app.text_input(key="add_path").set_value(str(folder))
    app.number_input(key="add_mpp").set_value(0.5)
    app.checkbox(key="add_overrule_scale").set_value(True)
    for name in ("scanner", "site", "patient", "visit", "staining_run", "control", "accession_number", "barcode"):
        app.text_input(key=f"add_{name}").set_value("7")
    app.form_submit_button[0].click().run()
    assert not app.error
    kept = {box.key: box.value for box in app.text_input if box.key.startswith("add_") and box.value}
    assert kept == {"add_scanner": "7", "add_site": "7"}
    assert app.number_input(key="add_mpp").value is None and not app.checkbox(key="add_overrule_scale").value
    (job,) = [job for job in filled_home.lab.jobs.list(filled_home.project) if job.kind == "ingest"]
    with filled_home.lab.db() as session:
        told = session.get(Job, job.id).spec
    assert told["facts"]["patient"] == "7"


def test_folders_are_gone_through_one_below_the_other_by_choosing(filled, filled_home):
    folder = filled_home.lab.settings.folder("slides") / "2026" / "March"
    folder.mkdir(parents=True)
    (folder / "new.png").write_bytes((filled_home.lab.settings.home / "slide_0.png").read_bytes())
    app = filled("slides", browse=True)
    for name in (str(folder.parents[1]), "2026/", "March/"):
        next(each for each in app.button if each.label == literal(name)).click().run()
    next(each for each in app.checkbox if each.label == literal("new.png")).check().run()
    app.button(key="browse_take").click().run()
    assert app.text_input(key="add_path").value == str(folder / "new.png") and not app.exception
    assert not app.session_state["browse"], "what was taken stands in the field, and the window is closed"


def test_files_that_are_not_simply_new_are_told_first_and_a_moved_one_is_relinked(filled, filled_home, said):
    lab, folder = filled_home.lab, filled_home.lab.settings.folder("slides")
    moved, copied = (lab.slides.get(slide) for slide in filled_home.slides[:2])
    content = Path(moved.path).read_bytes()
    (folder / "renamed_*.png").write_bytes(content)
    (folder / "copy.png").write_bytes(Path(copied.path).read_bytes())
    (folder / "new.png").write_bytes(content + b"\0")
    (folder / "deep").mkdir()
    cv2.imwritemulti(str(folder / "deep" / "slide.tiff"), [cv2.imdecode(np.frombuffer(content, np.uint8), 1)])
    for name in ("mask.png", "field.png"):
        (folder / "deep" / name).write_bytes(content + name.encode())
    with lab.db.begin() as session:
        session.get(Slide, moved.id).path = str(folder / "gone" / moved.name)
    app = filled("slides")
    app.text_input(key="add_path").set_value(str(folder))
    app.form_submit_button[0].click().run()
    assert not app.error and "**New: 2 files**" in said(app)
    assert "most likely masks or labels: 2 files" in said(app) and "field.png, mask.png" in said(app)
    assert app.radio(key="incoming_picture").value == "skip"
    assert app.button(key="incoming_go").label == "Add 2 files and relink 1 file"
    app.radio(key="incoming_picture").set_value("add").run()
    assert app.button(key="incoming_go").label == "Add 4 files and relink 1 file"
    assert "\\*.png is slide" in said(app) and ", whose file is no longer" in said(app)
    assert "is a copy of" in said(app)
    assert not [job for job in lab.jobs.list(filled_home.project) if job.kind == "ingest"]
    assert app.radio(key="incoming_moved").value == "relink"
    led = [drawn.proto for drawn in app.get("bidi_component") if "begin_at_incoming_go" in drawn.proto.id]
    assert [json.loads(drawn.json) for drawn in led] == [{"key": "incoming_go"}], "Enter takes what is proposed"
    app.button(key="incoming_go").click().run()
    assert lab.slides.get(moved.id).path == str(folder / "renamed_*.png")
    (job,) = [job for job in lab.jobs.list(filled_home.project) if job.kind == "ingest"]
    with lab.db() as session:
        told = session.get(Job, job.id).spec
    assert {Path(path).name for path in told["left_out"]} == {"copy.png", "renamed_*.png"}
    assert {Path(path).name for path in told["more"]} == {"mask.png", "field.png"}, "no folder brings them in"
    assert "incoming_go" not in {button.key for button in app.button}


def test_an_uploaded_file_that_is_no_slide_is_refused_and_a_good_one_comes_in(filled, filled_home):
    good = (filled_home.lab.settings.home / "slide_0.png").read_bytes()
    app = filled("slides", add_way="On this computer")
    app.file_uploader(key="add_files_0").upload("notes.txt", b"no slide")
    app.file_uploader(key="add_files_0").upload("again.png", good + b"\0")
    app.number_input(key="add_mpp").set_value(0.5)
    app.form_submit_button[0].click().run()
    assert ["notes.txt" in element.value for element in app.error] == [True]
    assert "again.png" in app.success[0].value
    app.run()
    assert ["notes.txt" in element.value for element in app.error] == [True], (
        "it stays while the page draws itself anew"
    )
    app.session_state["add_visited"] = -1
    assert not app.run().error, "on the next visit it is read"
    other = filled_home.lab.projects.create("Elsewhere").id
    app = filled("slides", {"project": str(other)}, add_way="On this computer")
    app.file_uploader(key="add_files_0").upload("known.png", good + b"\0")
    app.number_input(key="add_mpp").set_value(0.5)
    app.form_submit_button[0].click().run()
    assert "known.png" in app.success[0].value and "as again.png. Here it came in" in app.warning[0].value


def test_an_uploaded_slide_without_tissue_is_refused_with_its_picture(filled):
    glass = cv2.imencode(".png", np.full((800, 800, 3), 245, np.uint8))[1].tobytes()
    app = filled("slides", add_way="On this computer")
    app.file_uploader(key="add_files_0").upload("glass.png", glass)
    app.number_input(key="add_mpp").set_value(0.5)
    app.form_submit_button[0].click().run()
    (refusal,) = app.error
    assert "No tissue was found on glass.png" in refusal.value
    (picture,) = app.image
    assert "outlined" in picture.captions[0]


def test_a_missing_scale_is_asked_for_and_lays_patches_once_given(filled, filled_home, said):
    app = filled("slides", {"project": "1", "slide": str(filled_home.without_mpp)})
    assert "does not say how large its pixels are" in said(app)
    app.number_input(key=f"ask_mpp_{filled_home.without_mpp}").set_value(0.5)
    next(element for element in app.form_submit_button if element.label == "Lay patches").click().run()
    assert not app.error
    slide = filled_home.lab.slides.get(filled_home.without_mpp)
    assert (slide.status, slide.mpp_x, slide.mpp_source) == ("ready", 0.5, "person")
    assert slide.patches > 0


def test_a_slide_is_looked_at_with_one_load_of_its_patches_and_one_of_the_readers_labels(
    filled, filled_home, statements
):
    slide = filled_home.slides[0]
    patch = filled_home.lab.slides.patches(slide)[3].id
    statements.clear()
    filled("slides", {"project": "1", "slide": str(slide), "patch": str(patch)})
    assert len([said for said in statements if said.endswith('ORDER BY patches."row", patches.col')]) == 1
    assert (
        len([said for said in statements if said.startswith("SELECT label_events.id") and "reader_id = ?" in said]) == 1
    )


@pytest.mark.usefixtures("without_viewer")
def test_a_click_on_the_still_picture_chooses_the_patch_there_and_stands_in_the_address(filled, filled_home, said):
    slide = filled_home.slides[0]
    app = filled("slides", {"project": "1", "slide": str(slide)}, **shown(slide, 225, 225, 226, 225))
    (wanted,) = [patch for patch in filled_home.lab.slides.patches(slide) if patch.meets(450, 450, 450, 450)]
    assert app.query_params["patch"] == str(wanted.id)
    assert "µm wide" in said(app)


@pytest.mark.usefixtures("without_viewer")
def test_a_click_on_glass_says_that_there_is_no_patch(filled, filled_home, said):
    slide = filled_home.slides[2]
    app = filled("slides", {"project": "1", "slide": str(slide)}, **shown(slide, 445, 225, 445, 225))
    assert "no patch at that spot" in said(app)


@pytest.mark.usefixtures("without_viewer")
def test_a_rectangle_dragged_on_the_still_picture_queues_its_patches_once(filled, filled_home, said):
    slide, lab = filled_home.slides[0], filled_home.lab
    app = filled("slides", {"project": "1", "slide": str(slide)}, **shown(slide, 10, 10, 440, 440))
    inside = [patch.id for patch in lab.slides.patches(slide) if patch.usable]
    assert f"{len(inside)} patches queued for Ada" in said(app)
    app.run()
    (session,) = lab.labels.sessions.of_project(filled_home.project, filled_home.reader)
    assert session.patches == len(inside)


def test_a_rectangle_drawn_without_a_reader_asks_who_reads(filled, filled_home, said):
    slide = filled_home.slides[0]
    region = (slide, Region(20, 20, 880, 880))
    app = filled("slides", {"project": "1", "slide": str(slide)}, reader_id=None, region=region)
    assert "Say at the left who is reading" in said(app)
    assert filled_home.lab.labels.sessions.of_project(filled_home.project) == []


def test_stain_and_patient_can_be_corrected(filled, filled_home):
    slide = filled_home.slides[1]
    app = filled("slides", {"project": "1", "slide": str(slide)})
    app.text_input(key=f"facts_{slide}_patient").set_value("P99")
    next(element for element in app.form_submit_button if element.label == "Save").click().run()
    assert filled_home.lab.slides.get(slide).patient == "P99"
    assert filled_home.lab.slides.get(slide).stain == "H&E"


def test_a_region_from_qupath_leaves_patches_out_on_the_page_and_is_forgotten_again(filled, filled_home):
    slide, lab = filled_home.slides[0], filled_home.lab
    usable = lab.slides.get(slide).usable
    ring = [[0, 0], [450, 0], [450, 900], [0, 900], [0, 0]]
    region = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"objectType": "annotation", "classification": {"name": "Exclude"}},
    }
    app = filled("slides", {"project": "1", "slide": str(slide)})
    app.file_uploader(key=f"qupath_in_{slide}").upload(
        "drawn.geojson", json.dumps({"features": [region]}).encode()
    ).run()
    app.button(key=f"qupath_bring_{slide}").click().run()
    assert not app.error and not app.exception
    left_out = [patch for patch in lab.slides.patches(slide) if patch.set_aside == "region"]
    assert left_out and lab.slides.get(slide).usable == usable - len(left_out)
    app.button(key=f"qupath_forget_{slide}").click().run()
    assert lab.slides.get(slide).usable == usable


def test_a_file_that_is_not_from_qupath_is_refused_in_a_sentence(filled, filled_home):
    slide = filled_home.slides[0]
    app = filled("slides", {"project": "1", "slide": str(slide)})
    app.file_uploader(key=f"qupath_in_{slide}").upload("drawn.geojson", b"nonsense").run()
    app.button(key=f"qupath_bring_{slide}").click().run()
    assert "drawn.geojson is no GeoJSON" in app.error[0].value


def test_a_whole_slide_is_read_blind_by_keys_and_the_next_one_follows(filled, filled_home):
    lab, ada = filled_home.lab, filled_home.reader
    app = filled("slides", reader_id=ada)
    app.button(key="read_own").click().run()
    seen = " ".join(element.value for kind in ("markdown", "caption", "title") for element in app.get(kind))
    assert "NAS" not in seen and "Fat" not in seen and not app.dataframe and not app.table
    first = int(
        app.query_params["slide"][0] if isinstance(app.query_params["slide"], list) else app.query_params["slide"]
    )
    assert all(known.key != "read_save" for known in app.button)
    for task, grade in (("steatosis", "3"), ("inflammation", "1"), ("ballooning", "unknown")):
        app.button(key=f"read_{task}_{grade}").click().run()
    app.button(key="read_back").click().run()
    for task, grade in by_task({"ballooning": "2"}, "unknown").items():
        app.button(key=f"read_{task}_{grade}").click().run()
    app.button(key="read_save").click().run()
    assert not app.exception and not app.error
    assert lab.slides.reads.own(first, ada) == Grades(ballooning=2, inflammation=1, steatosis=3)
    assert [truth.blinded for truth in lab.truth.of_project(filled_home.project) if truth.graded] == [True]
    assert app.button(key="read_steatosis_0") and lab.slides.reads.due(filled_home.project, ada).own
    app.button(key="read_stop").click().run()
    assert any("Grade whole slides (3)" in known.label for known in app.button)


def test_facts_longer_than_a_person_may_give_are_shown_and_refused_only_where_they_are_saved(filled, filled_home):
    slide = filled_home.slides[0]
    with filled_home.lab.db.begin() as session:
        session.get_one(Slide, slide).scanner = "S" * 200  # as a file may say
    app = filled("slides", {"project": "1", "slide": str(slide)})
    assert not app.error and app.table[0].value.loc["Scanner"].tolist() == ["S" * 200]
    app.text_input(key=f"facts_{slide}_patient").set_value("P" * 81)
    next(button for button in app.form_submit_button if button.label == "Save").click().run()
    assert [error.value for error in app.error] == [
        "Scanner is given in 200 letters; 80 are the most. Nothing was changed."
    ]
    assert filled_home.lab.slides.list(filled_home.project)[0].patient != "P" * 81


def test_without_a_name_the_slide_cannot_be_graded_and_the_button_says_why(filled, filled_home):
    where = {"project": "1", "slide": str(filled_home.slides[0])}
    button = filled("slides", where, reader_id=None).button(key="read_this")
    assert button.disabled and "Who is reading? Choose" in button.help
    button = filled("slides", where).button(key="read_this")
    assert not button.disabled and not button.help


def test_the_way_in_stays_open_when_the_first_slide_has_come(filled, filled_home):
    app = filled("slides", **{f"add_open_{filled_home.project}": True})
    (way_in,) = [known for known in app.expander if known.label == "Add slides"]
    assert way_in.proto.expanded
    (way_in,) = [known for known in filled("slides", add_visited=-1).expander if known.label == "Add slides"]
    assert not way_in.proto.expanded, "come to again, it gives the place to the slides that are there"
