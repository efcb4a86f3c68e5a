"""A slide as OME-TIFF: every pixel, every level and the scale as they were, for other programs and for this one."""

import numpy as np
import openslide
import pytest
import tifffile

from benchmarks._drawn import aperio, reduced, tissue, write_dicom, write_tiff
from mmdnet.errors import LabError
from mmdnet.slides import convert
from mmdnet.slides.convert import to_ome_tiff
from mmdnet.slides.readers.open import open_slide


@pytest.fixture(scope="module")
def levels():
    return reduced(tissue(700, 500), 3)


@pytest.mark.parametrize("given", [{"description": aperio(700, 500)}, {"photometric": "ycbcr"}, {"compression": "lzw"}])
def test_levels_scale_and_pixels_are_as_they_were(tmp_path, levels, given):
    slide = write_tiff(tmp_path / "a.tiff", levels, **given)
    made = to_ome_tiff(slide, tmp_path / "a.ome.tiff")
    with tifffile.TiffFile(slide) as old, tifffile.TiffFile(made.path) as new:
        assert new.is_ome and 'PhysicalSizeX="0.5"' in new.ome_metadata
        assert len(new.series[0].levels) == made.levels == 3
        for page, level in zip(old.pages, new.series[0].levels, strict=True):
            assert np.array_equal(page.asarray(), level.asarray())
    with open_slide(slide) as old, open_slide(made.path) as new:
        assert (new.facts.levels, new.facts.mpp_x) == (old.facts.levels, 0.5)
        assert np.array_equal(*(one.read_region_px0(37, 61, 300, 300, 300, 300) for one in (old, new)))


def test_a_real_scan_is_the_same_to_another_reader(tmp_path, real_data):
    slide = real_data / "slides" / "liver_he_fields.svs"
    made = to_ome_tiff(slide, tmp_path / "a.ome.tif")
    with openslide.OpenSlide(slide) as old, openslide.OpenSlide(made.path) as new:
        assert np.array_equal(*(one.read_region((900, 700), 0, (800, 800)) for one in (old, new)))


def test_what_cannot_be_copied_is_refused_and_leaves_nothing(tmp_path, levels, monkeypatch):
    slide = write_tiff(tmp_path / "a.tiff", levels)
    silent = write_tiff(tmp_path / "b.tiff", levels, mpp=0)
    dicom = write_dicom(tmp_path / "a.dcm", levels[0])
    ome = to_ome_tiff(slide, tmp_path / "a.ome.tif").path
    here = set(tmp_path.iterdir())
    for source, out, words in (
        (slide, "b.tiff", "ends with"),
        (slide, "a.ome.tif", "there already"),
        (slide, "no/b.ome.tif", "is not there"),
        (silent, "b.ome.tif", "Add --mpp"),
        (dicom, "b.ome.tif", "cannot be copied"),
        (ome, "b.ome.tif", "cannot be converted"),
    ):
        with pytest.raises(LabError, match=words):
            to_ome_tiff(source, tmp_path / out)
    monkeypatch.setattr(convert, "same_pages", lambda *_: False)
    with pytest.raises(LabError, match="not what was read"):
        to_ome_tiff(slide, tmp_path / "b.ome.tif")
    assert set(tmp_path.iterdir()) == here
    monkeypatch.undo()
    assert to_ome_tiff(silent, tmp_path / "b.ome.tif", mpp=0.25).levels == 3
