"""What files are before they come in, told without adding anything; and a moved file found again."""

from pathlib import Path

import pytest

from benchmarks._drawn import reduced, write_dicom
from benchmarks._drawn import tissue as drawn
from mmdnet.errors import LabError
from mmdnet.slides.facts import StatedFacts


@pytest.fixture
def known(lab, tissue_png, tmp_path):
    """A project with two slides, and one of another project."""
    project, other = lab.projects.create("Here").id, lab.projects.create("There").id
    for name, where in (("a.png", project), ("b.png", project), ("c.png", other)):
        lab.slides.register(where, tissue_png(name, seed=ord(name[0])))  # no scale, so nothing is laid on it
    return project, other


def kinds(lab, project, path, others=()) -> dict[str, str]:
    return {Path(file.path).name: file.kind for file in lab.slides.incoming.look(project, path, others)}


def test_each_file_is_told_apart_before_anything_is_added(lab, known, tissue_png, tmp_path):
    project, other = known
    new = tmp_path / "new"
    new.mkdir()
    (tmp_path / "a.png").rename(new / "renamed.png")
    (new / "renamed_copy.png").write_bytes((new / "renamed.png").read_bytes())
    (new / "copy.png").write_bytes((tmp_path / "b.png").read_bytes())
    (new / "b.png").write_bytes(tissue_png("x.png", seed=1).read_bytes())
    (new / "from_there.png").write_bytes((tmp_path / "c.png").read_bytes())
    (new / "fresh.png").write_bytes(tissue_png("y.png", seed=2).read_bytes())
    (new / "fresh_again.png").write_bytes((tmp_path / "y.png").read_bytes())
    (new / "c.png").write_bytes(tissue_png("z.png", seed=3).read_bytes())
    (new / "notes.png").write_bytes(b"no picture")
    slides, told = lab.slides.list(project), []
    files = lab.slides.incoming.look(project, new, [other], lambda share, words: told.append(share))
    assert {file.name: file.kind for file in files} == {
        "renamed.png": "moved", "renamed_copy.png": "copy", "copy.png": "copy", "b.png": "same_name", "from_there.png": "elsewhere",
        "fresh.png": "new", "fresh_again.png": "copy", "c.png": "elsewhere", "notes.png": "refused",
    }  # fmt: skip
    assert all(bool(file.says) == (file.kind != "new") for file in files) and told == sorted(told)
    assert kinds(lab, project, new / "from_there.png") == {"from_there.png": "new"}  # others are not asked
    assert kinds(lab, None, new / "copy.png") == {"copy.png": "new"}  # a project that is not made yet
    assert kinds(lab, project, tmp_path / "b.png") == {"b.png": "here"}
    beside = [str(new / "fresh_again.png"), new / "fresh.png", new / "fresh_again.png"]
    assert kinds(lab, project, beside) == {"fresh_again.png": "new", "fresh.png": "copy"}  # of one another, too
    assert lab.slides.list(project) == slides


def test_another_content_at_the_same_place_is_told_and_swapped_names_are_seen_through(lab, known, tissue_png, tmp_path):
    project, _ = known
    tissue_png("a.png", seed=9)
    (told,) = lab.slides.incoming.look(project, tmp_path / "a.png")
    assert (told.kind, told.choices) == ("changed", ("skip",)) and "other content" in told.says
    first = (tmp_path / "b.png").read_bytes()
    (tmp_path / "moved.png").write_bytes(first)
    tissue_png("b.png", seed=10)
    assert kinds(lab, project, tmp_path / "moved.png") == {"moved.png": "moved"}


def test_a_moved_slide_is_relinked_with_its_patches_and_another_file_is_not_taken(lab, known, tmp_path):
    project, _ = known
    slide = next(there for there in lab.slides.list(project) if there.name == "a.png")
    slide = lab.slides.set_facts(slide.id, StatedFacts(mpp=0.5))
    with pytest.raises(LabError, match=r"is not the file .* was added from"):
        lab.slides.incoming.relink(slide.id, tmp_path / "c.png")
    with pytest.raises(LabError, match="another slide here"):
        lab.slides.incoming.relink(slide.id, tmp_path / "b.png")
    (tmp_path / "deep").mkdir()
    place = (tmp_path / "a.png").rename(tmp_path / "deep" / "renamed.png")
    refused = lab.slides.register(project, place)[0].problem
    assert "same slide as a.png" in refused and "relink" in refused
    lab.slides.incoming.relink(slide.id, place)
    after = lab.slides.get(slide.id)
    assert (after.path, after.name, after.patches) == (str(place), "a.png", slide.patches)
    assert lab.slides.pictures.patch_jpeg(lab.slides.patches(slide.id)[0].id)
    assert lab.slides.register(project, place, measure=False)[0].notes == ("It was here already, as a.png.",)
    assert lab.projects.changes(project)[0].act == "file found again"


def test_what_is_left_out_does_not_come_in(lab, tissue_png, tmp_path):
    project = lab.projects.create("Here").id
    (tmp_path / "in").mkdir()
    paths = [tissue_png(f"in/{name}.png", seed=20 + number) for number, name in enumerate(("one", "two"))]
    outcomes = lab.slides.register(project, tmp_path / "in", left_out=[str(paths[0])])
    assert [outcome.name for outcome in outcomes] == ["two.png"]


def test_another_file_of_a_dicom_slide_is_part_of_it(lab, tmp_path):
    project, (fine, coarse) = lab.projects.create("DICOM").id, reduced(drawn(1200, 900), 2)
    first = write_dicom(tmp_path / "0.dcm", fine, series="1.2.7")
    lab.slides.register(project, first, measure=False)
    write_dicom(tmp_path / "1.dcm", coarse, series="1.2.7", number=2, mpp=1.0)
    assert kinds(lab, project, tmp_path) == {"0.dcm": "here"}
    assert kinds(lab, project, tmp_path / "1.dcm") in ({"1.dcm": "part"}, {"1.dcm": "copy"})
