"""QPTIFF: brightfield scans with their levels, label and scale; fluorescence in words."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from benchmarks._drawn import reduced, tissue, write_qptiff, write_tiff
from mmdnet.slides.readers.formats import format_of
from mmdnet.slides.readers.glass_pictures import glass_picture, glass_pictures
from mmdnet.slides.readers.open import discover, open_slide
from mmdnet.slides.readers.qptiff import is_qptiff

IMAGE = tissue(500, 400, border=40)


def whole(slide):
    facts = slide.facts
    return slide.read_region_px0(0, 0, facts.width_px0, facts.height_px0, facts.width_px0, facts.height_px0)


@pytest.mark.parametrize(("name", "marked", "compression", "reader"), [
    ("a.qptiff", True, "jpeg", "jpeg-tiles"),
    ("a.tif", True, "lzw", "openslide"),
    ("a.qptiff", False, "jpeg", "tifffile"),
    ("a.qptiff", True, "webp", "tifffile"),
])  # fmt: skip
def test_a_brightfield_scan_has_its_pixels_levels_scale_and_words(tmp_path, name, marked, compression, reader):
    path = write_qptiff(tmp_path / name, reduced(IMAGE, 3), mpp=0.25, marked=marked, compression=compression)
    assert is_qptiff(path) and format_of(path).name == "QPTIFF" and discover(tmp_path) == [path]
    with open_slide(path) as slide:
        facts = slide.facts
        assert np.array_equal(whole(slide), tifffile.imread(path, key=0))
        assert slide.read_region_px0(0, 0, 500, 400, 250, 200).tolist() == tifffile.imread(path, key=2).tolist()
    assert (facts.reader, facts.mpp_x, facts.mpp_source, facts.objective) == (reader, 0.25, "file", 20)
    assert (facts.barcode, facts.scanner, facts.patient) == ("B-1", "Polaris", None)
    assert {1, 2, 4} <= {level.downsample_x for level in facts.levels} <= {1, 2, 4, 500 / 63}


def test_its_label_overview_and_thumbnail_are_shown_when_they_are_asked_for(tmp_path):
    path = write_qptiff(tmp_path / "a.qptiff", reduced(IMAGE, 2))
    assert glass_pictures(path) == ("label", "macro", "thumbnail")
    for name, size in (("label", (50, 40)), ("macro", (140, 60)), ("thumbnail", (63, 50))):
        with Image.open(io.BytesIO(glass_picture(path, name))) as shown:
            assert (shown.size, shown.mode) == (size, "RGB")


@pytest.mark.parametrize(("channels", "dtype", "said"), [
    (4, np.uint8, "fluorescence scan of 4 channels"),
    (3, np.uint16, "fluorescence scan of 3 channels"),
    (1, np.float32, "fluorescence scan of 1 channel"),
    (0, np.uint16, "16 bits a colour"),
])  # fmt: skip
def test_fluorescence_and_other_depths_are_refused_in_words_and_alone(tmp_path, refusal, channels, dtype, said):
    levels = [level.astype(dtype) for level in reduced(IMAGE, 2)]
    sentence = refusal(write_qptiff(tmp_path / "a.qptiff", levels, channels=channels, compression="lzw"))
    assert said in sentence and "Nothing was changed" in sentence
    with open_slide(write_qptiff(tmp_path / "b.qptiff", reduced(IMAGE, 2))) as slide:
        assert len(slide.facts.levels) == 2


def test_what_is_damaged_or_no_tiff_is_refused_and_other_tiffs_are_none(tmp_path, refusal):
    path = write_qptiff(tmp_path / "a.qptiff", reduced(IMAGE, 2))
    data = path.read_bytes()
    first = int.from_bytes(data[4:8], "little")
    end = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")  # where the next directory is named
    for damaged in (data[: len(data) // 2], data[:end] + b"\xf0\xff\xff\x7f" + data[end + 4 :]):
        path.write_bytes(damaged)
        assert "Copy" in refusal(path)
    path.write_bytes(b"no picture at all")
    assert not is_qptiff(path) and "no slide" in refusal(path)
    assert not is_qptiff(write_tiff(tmp_path / "b.tif", [IMAGE])) and not is_qptiff(tmp_path)


def test_words_that_are_no_xml_cost_only_themselves(tmp_path):
    path = write_qptiff(tmp_path / "a.qptiff", reduced(IMAGE, 2))
    path.write_bytes(path.read_bytes().replace(b"<ImageType>", b"<ImageType<"))
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide), tifffile.imread(path, key=0)) and slide.facts.barcode is None
    assert glass_pictures(path) == ()
