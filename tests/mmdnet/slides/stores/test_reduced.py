"""Reduced levels of slides that have none: exact, kept, made again when the file changes, and within the limit."""

import json

import cv2
import numpy as np
import pytest
import tifffile

from benchmarks._drawn import tissue
from mmdnet.slides.measures.tissue import find_tissue
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.stores import reduced
from mmdnet.slides.stores.reduced import ReducedStore, needs_reduced

ROOM = 10**9


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch):
    """So that a slide of one megapixel counts as one that needs reduced levels."""
    monkeypatch.setattr(reduced, "MOST_DECODED_PX", 500_000)
    monkeypatch.setattr(reduced, "SMALLEST_PX", 20_000)


@pytest.fixture(scope="module")
def image():
    return tissue(1203, 1001, border=150)


@pytest.fixture(scope="module")
def strips(tmp_path_factory, image):
    path = tmp_path_factory.mktemp("strips") / "strips.tif"
    scale = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, image, photometric="rgb", compression="lzw", rowsperstrip=16, metadata=None, **scale)
    return path


def test_kept_levels_are_area_averages_within_a_grey_level(tmp_path, image, strips):
    with ReducedStore(tmp_path).widened(open_slide(strips), ROOM) as slide:
        assert [level.downsample_x for level in slide.levels] == [1, 4, 8]
        for level in slide.levels[1:]:
            by = int(level.downsample_x)
            height, width = 1001 // by * by, 1203 // by * by
            exact = image[:height, :width].reshape(height // by, by, width // by, by, 3).mean((1, 3))
            ours = slide.read_region_px0(0, 0, width, height, width // by, height // by)
            assert np.abs(ours - exact).max() <= 1
        corner = slide.read_region_px0(1200, 1000, 4, 4, 1, 1)[0, 0]  # 3 x 1 of its pixels lie on the slide
        assert np.abs(corner - image[1000:, 1200:].mean((0, 1))).max() <= 1


def test_overviews_and_tissue_come_from_what_is_kept_and_the_file_is_not_decoded(tmp_path, strips, monkeypatch):
    store = ReducedStore(tmp_path)
    with open_slide(strips) as slide:
        plain, area = slide.thumbnail(100), find_tissue(slide).area_mm2
    store.widened(open_slide(strips), ROOM).close()
    with store.widened(open_slide(strips), ROOM) as slide:
        source = slide._source._source
        monkeypatch.setattr(source, "load", lambda *given: pytest.fail("the file was decoded"))
        source._cache.clear()
        assert np.abs(slide.thumbnail(100).astype(int) - plain).mean() < 3
        assert find_tissue(slide).area_mm2 == pytest.approx(area, rel=0.01)


def test_another_file_has_levels_of_its_own(tmp_path, image, strips):
    store = ReducedStore(tmp_path)
    store.widened(open_slide(strips), ROOM).close()
    other = tmp_path / "other.tif"
    tifffile.imwrite(other, 255 - image, photometric="rgb", rowsperstrip=16, metadata=None)
    with store.widened(open_slide(other, mpp=0.5), ROOM) as slide:
        expected = 255.0 - cv2.resize(image, (100, 83), interpolation=cv2.INTER_AREA)
        assert np.abs(slide.thumbnail(100) - expected).mean() < 5
    assert len(store.list(verify=True)) == 2


def test_the_limit_holds_and_the_longest_unused_goes(tmp_path, strips):
    store = ReducedStore(tmp_path)
    with store.widened(open_slide(strips), 1000) as slide:
        assert len(slide.levels) == 1
    assert store.list() == []
    store.widened(open_slide(strips), ROOM).close()
    (entry,) = store.list()
    assert (entry.slide, entry.fault, entry.kind) == ("strips.tif", None, "reduced levels")
    assert [gone.key for gone in store.prune(entry.bytes - 1)] == [entry.key]
    assert list(tmp_path.iterdir()) == []


def test_damage_is_found_removed_and_made_again(tmp_path, strips):
    store = ReducedStore(tmp_path)
    store.widened(open_slide(strips), ROOM).close()
    (file,) = tmp_path.glob("*.npy")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert store.list()[0].fault is None and "damaged" in store.list(verify=True)[0].fault
    assert len(store.prune(ROOM, verify=True)) == 1
    store.widened(open_slide(strips), ROOM).close()
    file.with_suffix(".json").write_text("{}")
    with store.widened(open_slide(strips), ROOM) as slide:
        assert len(slide.levels) == 3


def test_where_the_file_is_damaged_finer_levels_say_so(tmp_path, strips):
    path = tmp_path / "bad.tif"
    with tifffile.TiffFile(strips) as file:
        offset = file.pages[0].dataoffsets[20]
    data = bytearray(strips.read_bytes())
    data[offset : offset + 60] = b"\xff" * 60
    path.write_bytes(data)
    with ReducedStore(tmp_path / "kept").widened(open_slide(path), ROOM) as slide:
        (note,) = (tmp_path / "kept").glob("*.json")
        assert {row for row, _ in json.loads(note.read_text())["failed"]} == {1}
        with pytest.raises(Exception, match="cannot be decoded"):
            slide.read_region_px0(0, 256, 1203, 256, 100, 21)
        assert slide.read_region_px0(0, 0, 1203, 256, 100, 21).shape == (21, 100, 3)


def test_a_pyramid_needs_none(odd_pyramid, one_level):
    with open_slide(odd_pyramid) as pyramid, open_slide(one_level) as flat:
        assert not needs_reduced(pyramid.levels)
        assert needs_reduced(flat.levels)
