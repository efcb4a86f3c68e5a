"""Facts and grades of slides on the command line: looked at, applied, out again; and who is one patient."""

import json

import pytest

from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from tests.small_lab import draw_tissue


@pytest.fixture
def lab(tmp_path):
    """A project P of two slides."""
    lab = open_lab(Settings(home=tmp_path / "home"))
    project = lab.projects.create("P").id
    for seed, name in enumerate(("one.png", "two.png")):
        lab.slides.register(project, draw_tissue(tmp_path / name, seed))
    return lab


def test_a_table_is_looked_at_then_applied_then_written_out(run, lab, tmp_path):
    table = tmp_path / "facts.csv"
    table.write_text("slide,patient,site,steatosis,reader\none,P1,North,2,Ada\ntwo,p01,South,0,Ada\n")
    code, out, _ = run("slides", "facts", "import", str(table), "--project", "P")
    assert code == 0 and "Row 2, one.png: Site: – → North; Patient: – → P1; Ada, steatosis: – → 2" in out
    assert "Nothing was changed yet. Add --apply to do it." in out
    assert not any(truth.graded for truth in lab.truth.of_project(1))
    code, out, _ = run("slides", "facts", "import", str(table), "--project", "P", "--apply", "--json")
    said = json.loads(out)
    assert code == 0 and said["applied"] and len(said["changes"]) == 2
    assert [truth.grades["steatosis"] for truth in lab.truth.of_project(1)] == [2, 0]
    written = tmp_path / "out.xlsx"
    code, out, _ = run("slides", "facts", "export", str(written), "--project", "P")
    assert code == 0 and "2 rows written" in out and written.stat().st_size > 1000
    code, out, _ = run("slides", "patient", "P1", "--different", "--project", "P")
    assert code == 0 and out.strip() == "P1 at North and South: a person of its own at each site."
    assert len({truth.person for truth in lab.truth.of_project(1)}) == 2


def test_files_are_told_apart_by_a_check_and_a_moved_one_is_relinked(run, lab, tmp_path):
    (tmp_path / "new").mkdir()
    place = (tmp_path / "one.png").rename(tmp_path / "new" / "renamed.png")
    code, out, _ = run("ingest", str(tmp_path / "new"), "-p", "P", "--check")
    assert code == 0 and out.startswith("renamed.png is one.png, whose file is no longer at")
    assert "--relink takes its new place." in out and out.endswith("Nothing was changed.\n")
    code, out, _ = run("ingest", str(place), "-p", "Not made", "--check", "--json")
    (told,) = json.loads(out)["files"]
    assert code == 0 and (told["kind"], told["says"]) == (
        "elsewhere",
        "renamed.png is in the project P already, as one.png.",
    )
    assert [project.name for project in lab.projects.list()] == ["P"]
    draw_tissue(tmp_path / "two.png", 7)
    code, out, _ = run("ingest", str(tmp_path / "two.png"), "-p", "P", "--check")
    assert code == 1 and "other content than when two.png was added" in out and "It stays out." in out
    code, _, err = run("ingest", str(place), "-p", "P", "--relink")
    assert code == 0 and "It was relinked to" in err
    assert {slide.path for slide in lab.slides.list(1)} == {str(place), str(tmp_path / "two.png")}


def test_a_stain_is_proposed_and_taken_only_when_confirmed(run, lab):
    lab.slides.set_facts(1, StatedFacts(mpp=0.5))
    code, out, _ = run("slides", "stains", "-p", "P")
    assert code == 0 and out.startswith("one.png: H&E (") and "Nothing was changed." in out
    assert lab.slides.get(1).stain is None
    code, out, _ = run("slides", "stains", "-p", "P", "--slide", "one.png", "--confirm", "--json")
    assert code == 0 and json.loads(out)["confirmed"] == 1 and lab.slides.get(1).stain == "H&E"
    assert "is stated" in run("slides", "stains", "-p", "P", "--slide", "one.png")[1]


def test_a_slide_is_converted_deidentified_and_its_label_written_in_words_and_json(run, tmp_path, real_data):
    slide = str(real_data / "slides" / "cmu-1-small-region.svs")
    code, out, _ = run("slides", "convert", slide, str(tmp_path / "a.ome.tif"))
    assert code == 0 and out.startswith("1 level of 130 tiles written to")
    code, out, _ = run("deidentify", slide, str(tmp_path / "a.svs"), "--json")
    assert code == 0 and json.loads(out)["levels"] == 1
    code, _, err = run("deidentify", slide, str(tmp_path / "a.svs"))
    assert code == 1 and "there already" in err and "was not touched" in err
    lab = open_lab(Settings(home=tmp_path / "home"))
    lab.slides.register(lab.projects.create("P").id, slide, measure=False)
    code, out, _ = run("slides", "label", "cmu-1-small-region.svs", str(tmp_path / "label.png"), "-p", "P")
    assert code == 0 and (tmp_path / "label.png").read_bytes().startswith(b"\x89PNG")
    assert run("slides", "label", "cmu-1-small-region.svs", str(tmp_path / "label.txt"), "-p", "P")[0] == 1


def test_wrong_rows_are_told_with_their_numbers_and_nothing_is_changed(run, lab, tmp_path):
    table = tmp_path / "facts.csv"
    table.write_text('slide,steatosis,mpp,reader\none,2,,Ada\ntwo,5,"0,25",Ada\nthree,1,,Ada\n')
    code, out, _ = run("slides", "facts", "import", str(table), "--project", "P", "--apply")
    assert code == 1 and "Row 3 has 0,25 as mpp, a decimal comma" in out and "Row 4 names three" in out
    assert "2 rows are wrong" in out and "Nothing was changed." in out
    assert not any(truth.graded for truth in lab.truth.of_project(1))


def test_a_file_that_is_not_there_or_cannot_be_written_is_named(run, lab, tmp_path):
    code, _, err = run("slides", "facts", "import", str(tmp_path / "no.csv"), "--project", "P")
    assert code == 1 and "cannot be read" in err
    code, _, err = run("slides", "facts", "export", str(tmp_path / "no" / "out.csv"), "--project", "P")
    assert code == 1 and "is not there. Nothing was written" in err


def test_coordinates_go_out_and_a_file_that_does_not_fit_is_refused(run, tmp_path):
    home = open_lab(Settings(home=tmp_path / "home"))
    home.slides.register(home.projects.create("P").id, draw_tissue(tmp_path / "s.png"), StatedFacts(mpp=0.5))
    out = tmp_path / "out.h5"
    code, said, _ = run("slides", "features", "coordinates", str(out), "--slide", "s.png", "--project", "P")
    assert code == 0 and "patches written to" in said and out.stat().st_size > 500
    code, _, err = run("slides", "features", "import", str(out), "--slide", "s.png", "--project", "P")
    assert code == 1 and "out.h5 holds coords, and no features with coords" in err
    code, _, err = run("slides", "features", "import", str(tmp_path / "no.h5"), "--slide", "s.png", "--project", "P")
    assert code == 1 and "There is no file" in err


def test_features_are_computed_and_kept(run, lab, tmp_path):
    code, _, err = run("slides", "features", "--project", "P")
    assert code == 1 and "No slide of this project has patches yet" in err
    for slide in lab.slides.list(1):
        lab.slides.set_facts(slide.id, StatedFacts(mpp=0.5))
    (tmp_path / "two.png").unlink()
    code, out, _ = run("slides", "features", "--project", "P")
    assert code == 1, out
    assert "two.png" in out and "Features of 1 of 2 slides are kept." in out
    assert [entry.kind for entry in lab.store.list()] == ["features"] * 2  # and local density
