"""Slides as OME-Zarr: both versions, folder and zip, every way chunks may be stored; and what is none, in words."""

import json

import cv2
import numpy as np
import pytest

from benchmarks._drawn import reduced, tissue, write_tiff
from benchmarks._drawn_zarr import ZARR_CODINGS, write_ome_zarr
from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchPlace
from mmdnet.slides.patches import patch_grid
from mmdnet.slides.readers.formats import format_of
from mmdnet.slides.readers.open import discover, open_slide

IMAGE = tissue(300, 200, border=20)


def whole(slide):
    facts = slide.facts
    return slide.read_region_px0(0, 0, facts.width_px0, facts.height_px0, facts.width_px0, facts.height_px0)


@pytest.mark.parametrize(("version", "coding", "more"), [
    *(("0.4", coding, {}) for coding in ZARR_CODINGS),
    ("0.4", "blosc", {"colours": 3, "axes": "cyx"}),
    ("0.4", "blosc", {"colours": 2, "axes": "czyx"}),
    ("0.4", "zlib", {"colours": 3, "axes": "yxc"}),
    ("0.4", "blosc", {"below": "0/"}),
    *(("0.5", coding, {}) for coding in ("none", "blosc", "zstd", "gzip")),
    ("0.5", "zstd", {"colours": 3, "axes": "cyx", "shard": 2}),
    ("0.5", "blosc", {"shard": 3}),
    ("0.5", "blosc", {"zipped": True}),
    ("0.4", "blosc", {"zipped": True}),
])  # fmt: skip
def test_it_is_read_as_it_was_drawn_with_its_levels_and_scale(tmp_path, version, coding, more):
    name = "a.ozx" if "zipped" in more else "a.ome.zarr"
    path = write_ome_zarr(tmp_path / name, reduced(IMAGE, 2), version=version, coding=coding, chunk=64, **more)
    assert discover(tmp_path) == [path] and format_of(path).name == "OME-Zarr"
    with open_slide(path) as slide:
        facts = slide.facts
        assert np.array_equal(whole(slide), IMAGE)
        assert np.array_equal(slide.read_region_px0(0, 0, 300, 200, 150, 100), reduced(IMAGE, 2)[1])
        grid = patch_grid(slide, 50)
        ((_, patch),) = slide.read_patches([PatchPlace(1, 1, *grid.corner_px0(1, 1), 1.0)], grid)
        assert np.array_equal(patch, IMAGE[50:100, 50:100])
    assert (facts.mpp_x, facts.mpp_source, facts.reader) == (0.5, "file", "ome-zarr")
    assert [level.downsample_x for level in facts.levels] == [1, 2] and "could not be compared" in facts.notes[0]


def test_what_its_scales_say_counts_where_the_pixels_agree(tmp_path):
    large = tissue(1000, 800, border=80)
    path = write_ome_zarr(tmp_path / "a.zarr", reduced(large, 3), scales=[0.25, 1.0, 4.0])
    with open_slide(path) as slide:
        assert slide.facts.mpp_x == 0.25
        assert [level.downsample_x for level in slide.facts.levels] == [1, 2, 4]
    other = [large, tissue(500, 400, seed=5), reduced(large, 3)[2]]
    with open_slide(write_ome_zarr(tmp_path / "b.zarr", other)) as slide:
        assert [level.downsample_x for level in slide.facts.levels] == [1, 4]


@pytest.mark.parametrize(("unit", "mpp"), [("nanometer", 500), ("millimeter", 0.0005), (None, 1), ("pixel", 1)])
def test_a_scale_counts_in_its_unit_and_is_asked_for_without_one(tmp_path, unit, mpp):
    path = write_ome_zarr(tmp_path / "a.zarr", [IMAGE], unit=unit, mpp=mpp)
    with open_slide(path) as slide:
        assert slide.facts.mpp_x == (pytest.approx(0.5) if unit in {"nanometer", "millimeter"} else None)


def test_of_focal_planes_the_middle_one_is_read_and_chunks_that_are_not_there_hold_what_they_stand_for(tmp_path):
    planes = np.stack([cv2.GaussianBlur(IMAGE, (0, 0), 6), IMAGE, 255 - IMAGE])
    planes[:, :64, :64] = 0
    with open_slide(write_ome_zarr(tmp_path / "a.zarr", [planes], chunk=64)) as slide:
        assert np.array_equal(whole(slide), planes[1])
        assert "3 focal planes; the middle one is read" in slide.facts.notes[1]


def edit(path, key, **changed):
    said = json.loads((path / key).read_text())
    (path / key).write_text(json.dumps(said | changed))


@pytest.mark.parametrize(("key", "changed", "said"), [
    ("0/.zarray", {"dtype": "<u2"}, "8-bit ones are read"),
    ("0/.zarray", {"compressor": {"id": "jpeg2k"}}, "compressed as jpeg2k"),
    ("0/.zarray", {"filters": [{"id": "delta"}]}, "filters"),
    ("0/.zarray", {"shape": [1, 3, 1, 200]}, "contradicts itself"),
    ("0/.zarray", {"chunks": [1, 1, 1, 0, 64]}, "contradicts itself"),
    ("0/.zarray", {"chunks": [1, 1, 1, 99999, 99999]}, "larger than any program writes"),
    ("0/.zarray", {"shape": [1, 3, 1, 9999999, 9999999]}, "more than a glass slide can hold"),
    ("0/.zarray", {"shape": [1, 1, 1, 200, 300]}, "one channel"),
    ("0/.zarray", {"shape": [1, 5, 1, 200, 300]}, "5 channels"),
    ("0/.zarray", {"shape": [4, 3, 1, 200, 300]}, "several times"),
    (".zattrs", {"multiscales": []}, "no multiscales"),
    (".zattrs", {"multiscales": [{"axes": 3}]}, "cannot be read"),
    (".zattrs", {"multiscales": [{"axes": [], "datasets": []}]}, "names no level"),
    (".zattrs", {"multiscales": [{"axes": [], "datasets": [{"path": "../../b.zarr/0"}]}]}, "cannot be read"),
    (".zattrs", {"multiscales": [{"axes": [], "datasets": [{"path": "7"}]}]}, "is not there"),
])  # fmt: skip
def test_what_is_not_read_is_refused_in_words_and_alone(tmp_path, refusal, key, changed, said):
    path = write_ome_zarr(tmp_path / "a.zarr", [IMAGE], chunk=64)
    edit(path, key, **changed)
    good = write_ome_zarr(tmp_path / "b.zarr", [IMAGE], chunk=64)
    sentence = refusal(path)
    assert said in sentence and sentence.endswith("Nothing was changed.") and str(tmp_path) not in sentence
    with open_slide(good) as slide:
        assert np.array_equal(whole(slide), IMAGE)
    assert discover(tmp_path) == [path, good]


def test_a_folder_or_zip_that_only_looks_like_one_is_told_what_to_do(tmp_path, refusal):
    (tmp_path / "empty.zarr").mkdir()
    assert "no OME-Zarr picture" in refusal(tmp_path / "empty.zarr")
    (tmp_path / "a.ozx").write_bytes(b"no zip")
    assert "no zip" in refusal(tmp_path / "a.ozx")
    path = write_ome_zarr(tmp_path / "b.zarr.zip", [IMAGE], zipped=True)
    path.write_bytes(path.read_bytes()[:-500])
    assert "no zip" in refusal(path)


def test_a_damaged_chunk_fails_alone_and_a_slide_of_damaged_ones_is_refused(tmp_path, refusal):
    path = write_ome_zarr(tmp_path / "a.zarr", [IMAGE], chunk=64)
    (path / "0/0/0/0/2/2").write_bytes(b"\2\1\1\1" + bytes(30))
    with open_slide(path) as slide:
        assert np.array_equal(slide.read_patch(0, 0, 64, 0.5), IMAGE[:64, :64])
        with pytest.raises(LabError, match="cannot be decoded there"):
            slide.read_patch(130, 130, 32, 0.5)
    for file in (path / "0/0").rglob("*"):
        if file.is_file():
            file.write_bytes(b"x" * 50)
    assert "cannot be decoded" in refusal(path)


def test_another_slide_in_its_place_has_another_fingerprint(tmp_path):
    marks = set()
    for number, image in enumerate((IMAGE, IMAGE, tissue(300, 200, border=20, seed=4))):
        with open_slide(write_ome_zarr(tmp_path / f"{number}.zarr", [image], chunk=64)) as slide:
            marks.add(slide.facts.fingerprint)
    assert len(marks) == 2


def test_slides_beside_it_are_found_and_its_chunks_are_none(tmp_path):
    path = write_ome_zarr(tmp_path / "a.zarr", reduced(IMAGE, 2))
    (path / "0" / "0" / "label.png").write_bytes(b"")
    other = write_tiff(tmp_path / "b.tif", [IMAGE])
    assert discover(tmp_path) == [path, other] and discover(path) == [path]
