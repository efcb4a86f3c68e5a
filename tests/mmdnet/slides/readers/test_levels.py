"""Levels that do not fit level 0: padded, as large as another, of something else, or without detail."""

import cv2
import numpy as np
import pytest

from benchmarks._drawn import aperio, padded, reduced, tissue, write_dicom, write_tiff
from mmdnet.slides.readers.levels import StoredLevel, used_levels
from mmdnet.slides.readers.open import open_slide


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    return tissue(1500, 900, border=60)


def assert_exact(slide, image, downsamples):
    """Its levels have these scales, and every corner of it shows the image's tissue at half the scale."""
    assert [level.downsample_x for level in slide.facts.levels] == pytest.approx(downsamples)
    for x, y in ((0, 0), (1100, 100), (1100, 500), (200, 500)):
        seen = slide.read_region_px0(x, y, 400, 400, 100, 100)
        true = cv2.resize(image[y : y + 400, x : x + 400], (100, 100), interpolation=cv2.INTER_AREA)
        assert np.abs(seen.astype(int) - true).mean() < 5


@pytest.mark.parametrize("tile", [128, 256])
def test_levels_padded_to_whole_tiles_keep_their_true_scale(tmp_path, field, tile):
    first, *rest = reduced(field, 4)
    path = write_tiff(tmp_path / "padded.tif", [first, *(padded(level, tile) for level in rest)], tile=tile)
    with open_slide(path) as slide:
        assert_exact(slide, field, [1, 2, 4, 8])
        assert (slide.facts.levels[2].width_px, slide.facts.levels[2].height_px) == (375, 225)


def test_dicom_levels_padded_to_whole_tiles_are_scaled_by_their_spacing(tmp_path, field):
    for number, level in enumerate(reduced(field, 3)):
        image = level if number == 0 else padded(level, 256)
        write_dicom(tmp_path / f"{number}.dcm", image, number=number + 1, mpp=0.5 * 2**number, tile=256)
    with open_slide(tmp_path / "0.dcm") as slide:
        assert_exact(slide, field, [1, 2, 4])


def test_of_focal_planes_the_first_is_read_and_said_so(tmp_path, field):
    planes = [field, *(cv2.GaussianBlur(field, (0, 0), soft) for soft in (3, 6))]
    path = write_tiff(
        tmp_path / "stack.svs",
        [*planes, reduced(field, 3)[2]],
        flags=[0, 0, 0, 0],
        mpp=0,
        description=aperio(1500, 900),
    )
    with open_slide(path) as slide:
        assert_exact(slide, field, [1, 4])
        assert "3 pictures of the slide's size" in slide.facts.notes[0]


def test_a_mask_among_the_levels_is_no_level(tmp_path, field):
    small = reduced(field, 3)[1]
    mask = np.repeat((small.min(axis=2, keepdims=True) < 235).astype(np.uint8) * 255, 3, axis=2)
    pages = [field, mask[::2, ::2], reduced(field, 3)[1]]
    with open_slide(write_tiff(tmp_path / "masked.tif", pages, compression="deflate")) as slide:
        assert_exact(slide, field, [1, 2])


def test_a_level_of_other_tissue_is_not_used(tmp_path, field):
    other = reduced(tissue(1500, 900, border=60, seed=5), 2)[1]
    with open_slide(write_tiff(tmp_path / "other.tif", [field, other])) as slide:
        assert_exact(slide, field, [1])


@pytest.mark.parametrize("by", [2, 4])
def test_levels_that_are_rounded_or_skip_pixels_stay_in_use(tmp_path, field, by):
    odd = field[:877, :1493]
    skipped = odd[::by, ::by]
    with open_slide(write_tiff(tmp_path / "skipped.tif", [odd, skipped])) as slide:
        assert [round(level.downsample_x) for level in slide.facts.levels] == [1, by]


def test_bare_glass_and_unreadable_windows_leave_plain_sizes_in_use():
    glass = np.full((400, 400, 3), 243, np.uint8)
    stored = [StoredLevel(400, 400), StoredLevel(100, 100), StoredLevel(90, 20)]
    levels = used_levels(stored, lambda index, x, y, w, h: glass[:h, :w], "seed")
    assert [(each.index, each.level.downsample_x) for each in levels] == [(0, 1), (1, 4)]
