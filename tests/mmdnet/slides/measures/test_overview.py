"""A slide at one coarse scale, in memory or in a file: the same pixels."""

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.measures import overview
from mmdnet.slides.measures.overview import PixelRows, read_overview
from mmdnet.slides.measures.tissue import find_tissue
from mmdnet.slides.readers.open import open_slide


def test_it_is_the_slide_and_the_same_from_a_file_as_from_memory(one_level, monkeypatch):
    with open_slide(one_level) as slide:
        with read_overview(slide, 2.0) as rows:
            kept = rows[:].copy()
        plain = slide.read_region_px0(0, 0, 188 * 8, 188 * 8, 188, 188)
        assert rows.shape == plain.shape and np.abs(kept[:187, :187].astype(int) - plain[:187, :187]).mean() < 2
        whole = find_tissue(slide).mask
        monkeypatch.setattr(overview, "SPOOLED_PX", 0)
        with read_overview(slide, 2.0) as rows:
            assert np.array_equal(rows[:], kept) and np.array_equal(rows[17:40], kept[17:40])
            assert rows[500:].shape == (0, 188, 3)
        assert np.array_equal(find_tissue(slide).mask, whole)


def test_what_cannot_be_decoded_is_white_and_nothing_at_all_is_refused(one_level, monkeypatch):
    with open_slide(one_level) as slide:
        load = slide._source._load
        monkeypatch.setattr(slide._source, "_load", lambda page, index, out: _fail(index, load, page, out))
        with read_overview(slide, 2.0) as rows:
            assert (rows[:64][:, :64] == 255).all() and not (rows[:] == 255).all()
        monkeypatch.setattr(slide._source, "_load", lambda page, index, out: _fail(0, load, page, out))
        with pytest.raises(LabError, match="cannot be decoded"):
            read_overview(slide, 2.0)


def _fail(index, load, page, out):
    if index == 0:
        raise LabError("damaged")
    load(page, index, out)


def test_a_block_may_reach_beyond(monkeypatch):
    for most in (0, 100):
        monkeypatch.setattr(overview, "SPOOLED_PX", most)
        with PixelRows(5, 7) as rows:
            rows.put(3, 4, np.zeros((4, 4, 3), np.uint8))
            assert (rows[:] == 0).sum() == 3 * 2 * 3
