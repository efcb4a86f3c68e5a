"""Opening what is there, refusing the rest, finding slides below folders."""

import os
import shutil
import stat
from pathlib import Path

import cv2
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.patches import patch_grid
from mmdnet.slides.readers.open import discover, open_slide


def test_a_missing_file_is_named(tmp_path, refusal):
    assert "nothing.svs" in refusal(tmp_path / "nothing.svs")
    assert "nothing.svs" in refusal(tmp_path / "no" / "nothing.svs")


def test_a_file_that_is_no_slide_is_refused(tmp_path, refusal):
    path = tmp_path / "text.svs"
    path.write_text("hello")
    assert "no slide" in refusal(path)
    path.write_bytes(b"")
    assert "empty" in refusal(path)


@pytest.mark.parametrize("mpp", [0.0, 0.05, 2.5, 28.97])
def test_a_stated_scale_out_of_range_is_refused(odd_pyramid, mpp, refusal):
    refusal(odd_pyramid, mpp=mpp)


def test_a_stated_scale_goes_before_the_files(odd_pyramid):
    with open_slide(odd_pyramid) as slide:
        assert (slide.facts.mpp_x, slide.facts.mpp_source) == (pytest.approx(0.25), "file")
    with open_slide(odd_pyramid, mpp=0.5) as slide:
        assert (slide.facts.mpp_x, slide.mpp, slide.facts.mpp_source) == (0.5, 0.5, "person")


def test_a_scale_is_never_guessed(tmp_path, field):
    path = tmp_path / "field.png"
    cv2.imwrite(str(path), field)
    with open_slide(path) as slide:
        assert slide.facts.mpp_x is None
        with pytest.raises(LabError, match="how large its pixels are"):
            _ = slide.mpp
        with pytest.raises(LabError):
            patch_grid(slide)
        assert slide.thumbnail(64).shape == (64, 64, 3)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_without_rights_says_so(tmp_path, refusal):
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0)
    try:
        assert "right" in refusal(folder)
        with pytest.raises(LabError, match="right"):
            discover(folder)
    finally:
        folder.chmod(stat.S_IRWXU)


def test_slides_are_found_below_a_folder_and_their_masks_are_not(tmp_path, odd_pyramid, field):
    (tmp_path / "b" / ".hidden").mkdir(parents=True)
    (tmp_path / "fields").mkdir()
    shutil.copy(odd_pyramid, tmp_path / "b" / "one.tiff")
    shutil.copy(odd_pyramid, tmp_path / "b" / ".hidden" / "not.tiff")
    cv2.imwrite(str(tmp_path / "b" / "one_mask.png"), field)
    cv2.imwrite(str(tmp_path / "fields" / "field.jpg"), field)
    assert discover(tmp_path) == [tmp_path / "b" / "one.tiff", tmp_path / "fields" / "field.jpg"]
    assert discover(tmp_path / "b" / "one.tiff") == [tmp_path / "b" / "one.tiff"]
    with pytest.raises(LabError, match="No slides"):
        discover(_empty(tmp_path))


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"
