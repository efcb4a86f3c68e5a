"""Opening what is there, refusing the rest, finding slides below folders."""

import os
import pickle
import shutil
import stat
from pathlib import Path

import cv2
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.patches import patch_grid
from mmdnet.slides.readers.open import discover, open_slide, pictures_beside


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


def test_a_stated_scale_serves_where_the_file_is_silent_or_is_overruled(odd_pyramid, tmp_path, field):
    with open_slide(odd_pyramid) as slide:
        assert (slide.facts.mpp_x, slide.facts.mpp_source) == (pytest.approx(0.25), "file")
    with open_slide(odd_pyramid, mpp=0.5) as slide:
        assert (slide.facts.mpp_x, slide.facts.mpp_source) == (pytest.approx(0.25), "file")
        assert "0.25 µm per pixel itself" in slide.facts.notes[0] and "0.5 stated" in slide.facts.notes[0]
    with open_slide(odd_pyramid, mpp=0.5, overrule=True) as slide:
        assert (slide.mpp, slide.facts.mpp_source, slide.facts.stated_mpp) == (0.5, "overruled", 0.5)
        assert pickle.loads(pickle.dumps(slide)).mpp == 0.5
    with open_slide(odd_pyramid, mpp=0.2501) as slide:
        assert slide.facts.notes == ()
    cv2.imwrite(str(tmp_path / "field.png"), field)
    for overrule in (False, True):
        with open_slide(tmp_path / "field.png", mpp=0.5, overrule=overrule) as slide:
            assert (slide.mpp, slide.facts.mpp_source, slide.facts.notes) == (0.5, "person", ())


def test_an_absurd_scale_in_the_file_can_be_overruled(real_data):
    path = real_data / "slides" / "camelyon_overview_29um.dcm"
    with pytest.raises(LabError, match=r"28\.97"):
        open_slide(path, mpp=0.5)
    with open_slide(path, mpp=0.5, overrule=True) as slide:
        assert slide.mpp == 0.5


@pytest.mark.parametrize("suffix", [".dcm", ".svs", ".png"])
def test_what_is_no_file_beside_a_slide_costs_only_itself(tmp_path, field, suffix, refusal):
    cv2.imwrite(str(tmp_path / "a.png"), field)
    (tmp_path / f"link{suffix}").symlink_to("nowhere")
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    slides = discover(tmp_path)
    assert set(slides) <= {tmp_path / "a.png", tmp_path / f"link{suffix}", tmp_path / f"pipe{suffix}"}
    assert "not there" in refusal(tmp_path / f"link{suffix}")
    assert "pipe" in refusal(tmp_path / f"pipe{suffix}")
    assert "folder" in refusal(tmp_path / f"folder{suffix}") or suffix == ".dcm"


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
    assert pictures_beside([tmp_path]) == [tmp_path / "b" / "one_mask.png"], "they are named"
    assert discover(tmp_path / "b" / "one.tiff") == [tmp_path / "b" / "one.tiff"]
    with pytest.raises(LabError, match="No slides"):
        discover(_empty(tmp_path))


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"
