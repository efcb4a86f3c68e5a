"""Decoded patches on disk."""

import pickle

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchPlace
from mmdnet.slides.patches import patch_grid
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.stores.patches import PIXELS, PatchStore, StoredPatches, store_key


@pytest.fixture
def laid(odd_pyramid):
    with open_slide(odd_pyramid) as slide:
        grid = patch_grid(slide, 64)
        yield slide, grid, [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(5) for c in range(5)]


def test_stored_patches_are_the_slides(tmp_path, laid):
    slide, grid, places = laid
    stored = PatchStore(tmp_path).get(slide, places, grid)
    assert len(stored) == 25
    assert stored.readable.all()
    wanted = np.asarray([3, 24, 0, 3])
    expected = [slide.read_patch(places[i].x_px0, places[i].y_px0, 64) for i in wanted]
    assert np.array_equal(stored.read(wanted), np.stack(expected))
    assert np.array_equal(pickle.loads(pickle.dumps(stored))[7], stored[7])
    assert stored.read([]).shape == (0, 64, 64, 3)


def test_a_store_is_made_once_and_made_again_when_damaged(tmp_path, laid):
    slide, grid, places = laid
    stored = PatchStore(tmp_path).get(slide, places, grid)
    at = (stored.folder / PIXELS).stat().st_mtime_ns
    assert PatchStore(tmp_path).get(slide, places, grid).folder == stored.folder
    assert (stored.folder / PIXELS).stat().st_mtime_ns == at
    (stored.folder / PIXELS).write_bytes(b"short")
    with pytest.raises(LabError, match="damaged"):
        StoredPatches(stored.folder)
    assert np.array_equal(PatchStore(tmp_path).get(slide, places, grid)[2], slide.read_patch(*_corner(places[2]), 64))


def _corner(place: PatchPlace) -> tuple[int, int]:
    return place.x_px0, place.y_px0


def test_the_key_changes_with_everything_that_changes_a_pixel_or_the_order(laid, odd_pyramid):
    slide, grid, places = laid
    keys = {store_key(slide, places, grid), store_key(slide, places[::-1], grid), store_key(slide, places[:-1], grid)}
    with open_slide(odd_pyramid, mpp=0.3, overrule=True) as other:
        keys.add(store_key(other, places, patch_grid(other, 64)))
    assert len(keys) == 4


def test_stores_are_listed_and_pruned_the_longest_unused_first(tmp_path, laid):
    slide, grid, places = laid
    import os

    old = PatchStore(tmp_path).get(slide, places[:5], grid).folder  # closed at once: what is open is not pruned
    new = PatchStore(tmp_path).get(slide, places, grid).folder
    os.utime(old, (1, 1))
    assert [entry.key for entry in PatchStore(tmp_path).list()] == [old.name, new.name]
    assert [entry.key for entry in PatchStore(tmp_path).prune(25 * 64 * 64 * 3 + 5000)] == [old.name]
    assert new.is_dir()
