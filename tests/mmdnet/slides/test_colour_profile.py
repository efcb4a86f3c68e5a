"""ICC profiles: what people see goes through them, what is measured does not."""

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from benchmarks._drawn import tissue
from mmdnet.slides.colour_profile import as_stored, profile_note, to_screen
from mmdnet.slides.readers.deep_zoom import ZoomPyramid
from mmdnet.slides.readers.open import open_slide

IMAGE = tissue(700, 600, border=40)


def profile(swap: bool = False) -> bytes:
    """A profile of a scanner: sRGB, or with the columns of red and blue in each other's place."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    if swap:
        for at in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12):
            name = bytes(data[at : at + 4])
            data[at : at + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(name, name)
    return bytes(data)


def write(path, icc, **given):
    scale = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}
    tags = [(34675, 7, len(icc), icc, True)] if icc else []
    tifffile.imwrite(path, IMAGE, photometric="rgb", metadata=None, extratags=tags, **scale, **given)
    return path


def test_a_profile_whose_red_is_blue_is_undone_for_the_eye():
    seen = to_screen(profile(swap=True))(IMAGE)
    assert np.abs(seen.astype(int) - IMAGE[..., ::-1]).max() <= 2
    assert np.abs(to_screen(profile())(IMAGE).astype(int) - IMAGE).max() <= 1


@pytest.mark.parametrize("icc", [None, b"", b"no profile", profile()[:200], bytes(400)])
def test_what_is_no_profile_changes_nothing(icc):
    assert to_screen(icc) is as_stored and profile_note(icc) == ()
    assert to_screen(icc)(IMAGE) is IMAGE


@pytest.mark.parametrize("given", [{"tile": (128, 128), "compression": "deflate"}, {"rowsperstrip": 16}])
def test_the_deep_zoom_shows_it_and_reading_does_not(tmp_path, given):
    with open_slide(write(tmp_path / "a.tif", profile(swap=True), **given)) as slide:
        assert "colour profile" in slide.facts.notes[-1]
        assert np.array_equal(slide.read_patch(100, 100, 128, 0.5), IMAGE[100:228, 100:228])
        zoom = ZoomPyramid(slide)
        tile = cv2.imdecode(np.frombuffer(zoom.tile(zoom.max_level, 0, 0), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert np.abs(tile.astype(int) - IMAGE[:512, :512, ::-1]).mean() < 8


def test_a_picture_of_its_own_is_shown_through_its_profile_too(tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "a.png", icc_profile=profile(swap=True))
    with open_slide(tmp_path / "a.png", mpp=0.5) as slide:
        assert np.array_equal(slide.read_patch(0, 0, 64, 0.5), IMAGE[:64, :64])
        assert np.abs(slide.to_screen(IMAGE).astype(int) - IMAGE[..., ::-1]).max() <= 2
