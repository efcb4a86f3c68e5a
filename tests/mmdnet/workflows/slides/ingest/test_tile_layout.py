"""The public data set's layout."""

import pytest

from mmdnet.errors import LabError
from mmdnet.workflows.slides.ingest.tile_layout import Tile, grade_of, read_layout


@pytest.mark.parametrize(
    ("task", "kind", "grade"),
    [
        ("steatosis", "05", 0), ("steatosis", "10", 1), ("steatosis", "30", 1), ("steatosis", "35", 2),
        ("steatosis", "65", 2), ("steatosis", "70", 3), ("steatosis", "3", 3), ("ballooning", "2", 2),
        ("inflammation", "2", 2), ("ballooning", "ignore", None),
    ],
)  # fmt: skip
def test_a_class_is_a_grade_or_ignored(task, kind, grade):
    assert grade_of(task, kind) == grade


@pytest.mark.parametrize(("task", "kind"), [("ballooning", "3"), ("steatosis", "80"), ("inflammation", "x")])
def test_a_class_the_scale_has_not_is_refused(task, kind):
    with pytest.raises(ValueError, match=kind):
        grade_of(task, kind)


def test_a_tile_is_ignored_only_where_it_is_graded_for_nothing():
    assert Tile(classes={"steatosis": "ignore"}).ignored
    assert not Tile(classes={"steatosis": "ignore", "ballooning": "1"}).ignored
    assert not Tile().ignored


def test_tiles_classes_and_slide_grades_are_read_and_what_is_odd_is_named(tmp_path):
    for name in (
        "CNN/steatosis/train/10/7_3_5.png", "CNN/ballooning/val/1/7_3_5.png", "CNN/steatosis/train/95/7_1_1.png",
        "CNN/inflammation/train/0/strange.png", "CNN/fibrosis/train/1/7_9_9.png", "data/x/tiles/tiles/8_0_0.png",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "ground_truth.csv").write_text("ID;steatosis_score;ballooning_score\n7;2,0;1.5\n99;1;1\n")
    tiles = read_layout(tmp_path)
    assert {slide: sorted(own) for slide, own in tiles.slides.items()} == {"7": [(3, 5)], "8": [(0, 0)]}
    assert tiles.slides["7"][3, 5].grades == {"steatosis": 1, "ballooning": 1}
    assert tiles.slide_grades == {"7": {"steatosis": 2}}
    assert len(tiles.problems) == 2
    assert tiles.left_out["tiles of fibrosis, which is not graded here"] == 1
    assert tiles.left_out["slides in ground_truth.csv without tiles"] == 1


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(LabError, match="not laid out as the public data set"):
        read_layout(tmp_path)
