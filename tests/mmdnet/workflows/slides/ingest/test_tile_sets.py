"""The public data set's layout, made small: every tile becomes a patch, its class one feature's label, the rest unknown."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from db.models import LabelEvent, SlideReading
from mmdnet.errors import LabError
from mmdnet.workflows.slides.ingest.tile_layout import grade_of, read_layout
from tests.nas import NAMES

SIDE = 299


def shade(col: int, row: int) -> int:
    return 100 + 10 * col + row


def tile(path: Path, side: int = SIDE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    col, row = map(int, path.stem.split("_")[-2:])
    cv2.imwrite(str(path), np.full((side, side, 3), shade(col, row), np.uint8))


@pytest.fixture
def folder(tmp_path) -> Path:
    root = tmp_path / "public"
    for name in (
        "CNN/ballooning/train/0/114_3_5.png",
        "CNN/ballooning/val/1/114_4_5.png",
        "CNN/ballooning/train/ignore/114_5_5.png",
        "CNN/inflammation/train/2/114_4_5.png",  # the same tile as in ballooning: one patch, two features
        "CNN/inflammation/train/ignore/114_3_5.png",  # ignored here, graded there: the grade stands
        "CNN/steatosis/train/05/16_224_606_0_0.png",
        "CNN/steatosis/train/30/16_224_606_1_0.png",
        "CNN/steatosis/val/35/16_224_606_2_0.png",
        "CNN/steatosis/val/75/16_224_606_0_1.png",
        "CNN/fibrosis/train/4/114_1_1.png",
        "data/human/tiles/tiles/114_6_6.png",
        "data/human/tiles/tiles/114_3_5.png",
        "data/human/tiles_big/tiles/114_1_1.png",
    ):
        tile(root / name)
    (root / "ground_truth.csv").write_text(
        "id;fibrosis_score;ballooning_score;inflammation_score;steatosis_score\n"
        "114;3;2,0;;0,66\n16_224_606;1;0.0;1;\n999;0;0;0;0\n"
    )
    return root


def add(lab, folder, **more):
    project = lab.projects.named("Public").id
    return project, lab.tile_sets.add(project, folder, lambda share, message: None, operator="root", **more)


def grades_by_place(lab, project) -> dict[tuple[str, int, int], tuple]:
    names = {slide.id: slide.name for slide in lab.slides.list(project)}
    labels_at = {}
    for label in lab.labels.current(project):
        patch = lab.slides.patch(label.patch_id)
        labels_at[names[label.slide_id], patch.col, patch.row] = (
            *(label.grades[name] for name in NAMES),
            label.ignored,
        )
    return labels_at


def test_each_tile_is_labelled_for_its_feature_and_unknown_for_the_others(lab, folder):
    project, done = add(lab, folder)
    assert (done.slides, done.tiles, done.labels, done.ignored, done.problems) == (2, 8, 7, 1, ())
    assert grades_by_place(lab, project) == {
        ("114", 0, 0): (0, None, None, False),
        ("114", 1, 0): (1, 2, None, False),
        ("114", 2, 0): (None, None, None, True),
        ("16_224_606", 0, 0): (None, None, 0, False),
        ("16_224_606", 1, 0): (None, None, 1, False),
        ("16_224_606", 2, 0): (None, None, 2, False),
        ("16_224_606", 0, 1): (None, None, 3, False),
    }
    assert done.left_out["tiles of fibrosis, which is not graded here"] == 1
    assert done.left_out["large tiles (1.32 µm/px)"] == 1


def test_a_patch_is_its_tile_pixel_by_pixel(lab, folder):
    project, _ = add(lab, folder)
    slide = next(there for there in lab.slides.list(project) if there.name == "114")
    assert (slide.mpp_x, slide.patient, slide.stain, slide.usable) == (0.44, "114", "Trichrome", 4)
    for patch in lab.slides.patches(slide.id):
        picture = cv2.imdecode(np.frombuffer(lab.slides.pictures.patch_jpeg(patch.id), np.uint8), cv2.IMREAD_COLOR)
        assert (picture == shade(patch.col + 3, patch.row + 5)).all()


def test_whole_slides_get_the_grades_that_are_grades(lab, folder):
    _, done = add(lab, folder)
    with lab.db() as session:
        rows = {
            row.slide_id: (row.ballooning, row.inflammation, row.steatosis)
            for row in session.scalars(select(SlideReading))
        }
    assert sorted(rows.values(), key=str) == [(0, 1, None), (2, None, None)]
    assert done.left_out["steatosis scores in ground_truth.csv that are no grade"] == 1
    assert done.left_out["slides in ground_truth.csv without tiles"] == 1


def test_the_record_names_each_tiles_file(lab, folder):
    add(lab, folder)
    with lab.db() as session:
        event = session.scalars(select(LabelEvent).where(LabelEvent.steatosis == 3)).one()
    assert event.shown["file"] == "CNN/steatosis/val/75/16_224_606_0_1.png" and len(event.shown["sha256"]) == 64
    assert (event.shown["data_set"], event.shown["imported_by"], event.act) == ("public", "root", "import")


def test_a_second_import_adds_nothing(lab, folder):
    add(lab, folder)
    before = lab.labels.record.verify()
    _, again = add(lab, folder)
    assert (again.slides, again.there, again.labels) == (0, 2, 0)
    assert lab.labels.record.verify() == before and before.intact


def test_a_stopped_import_goes_on_where_it_was(lab, folder):
    project = lab.projects.named("Public").id

    def stop(share: float, message: str) -> None:
        if share > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lab.tile_sets.add(project, folder, stop)
    assert len(lab.slides.list(project)) == 1
    _, done = add(lab, folder)
    assert (done.slides, done.there) == (1, 1)
    assert len(grades_by_place(lab, project)) == 7


def test_a_slide_whose_tiles_changed_since_is_left_as_it_was(lab, folder):
    project, _ = add(lab, folder)
    tile(folder / "CNN/ballooning/train/1/114_9_9.png")
    _, again = add(lab, folder)
    assert again.there == 1 and "imported before with 4 tiles, and there are 5 now" in again.problems[0]
    assert len(grades_by_place(lab, project)) == 7


def test_damaged_strange_and_contradicting_tiles_are_named_and_the_others_come_in(lab, folder):
    (folder / "CNN/steatosis/train/30/16_224_606_1_0.png").write_bytes(b"no picture")
    tile(folder / "CNN/steatosis/train/40/16_224_606_3_0.png", side=200)
    tile(folder / "CNN/steatosis/train/90/16_224_606_4_0.png")
    tile(folder / "CNN/ballooning/train/1/114_3_5.png")
    (folder / "CNN/ballooning/train/1/notes.txt").write_text("x")
    project, done = add(lab, folder)
    said = "\n".join(done.problems)
    for words in (
        "no such class",
        "two classes of ballooning",
        "not named as a tile",
        "cannot be decoded",
        "200 × 200",
    ):
        assert words in said
    assert len(done.problems) == 5 and len(grades_by_place(lab, project)) == 6
    assert add(lab, folder)[1].there == 2


def test_the_real_tiles_of_that_layout_come_in(lab, folder, real_data):
    for file in (real_data / "trichrome_tiles").glob("16_*.png"):
        shutil.copy(file, folder / "CNN/steatosis/train/05")
    project, done = add(lab, folder)
    assert done.problems == () and done.labels == 9
    slide = next(there for there in lab.slides.list(project) if there.name == "16_224_606")
    assert lab.slides.pictures.thumbnail(slide.id, 200)


def test_a_folder_of_another_layout_is_refused(tmp_path):
    with pytest.raises(LabError, match="not laid out"):
        read_layout(tmp_path)


@pytest.mark.parametrize(("kind", "grade"), [("05", 0), ("10", 1), ("30", 1), ("35", 2), ("65", 2), ("70", 3), ("75", 3), ("0", 0), ("3", 3), ("ignore", None)])  # fmt: skip
def test_fat_in_per_cent_becomes_a_grade(kind, grade):
    assert grade_of("steatosis", kind) == grade


@pytest.mark.parametrize(
    ("name", "kind"),
    [("ballooning", "3"), ("inflammation", "05"), ("steatosis", "7"), ("steatosis", "80"), ("ballooning", "²")],
)
def test_a_class_the_feature_has_not_is_none(name, kind):
    with pytest.raises(ValueError):
        grade_of(name, kind)
