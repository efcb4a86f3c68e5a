"""TIFFs that OpenSlide does not take, or takes half: strips, WebP, JPEG 2000 and JPEG XL tiles, OME-TIFF."""

import gc
import os

import imagecodecs
import numpy as np
import pytest
import tifffile

from benchmarks._drawn import reduced, tissue, write_tiff
from mmdnet.slides.readers import tifffile_source
from mmdnet.slides.readers.open import open_slide

IMAGE = tissue(500, 401, border=30)
MPP = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}


def write_ome(path, levels, **physical):
    with tifffile.TiffWriter(path, ome=True) as file:
        given = {"tile": (128, 128), "photometric": "rgb", "compression": "jpeg"}
        file.write(levels[0], subifds=len(levels) - 1, metadata=physical, **given)
        for level in levels[1:]:
            file.write(level, subfiletype=1, **given)
    return path


def whole(slide):
    facts = slide.facts
    return slide.read_region_px0(0, 0, facts.width_px0, facts.height_px0, facts.width_px0, facts.height_px0)


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "zstd", "jpeg"])
@pytest.mark.parametrize("rows", [16, 97, 401])
def test_strips_are_read_exactly_and_patches_of_them_too(tmp_path, compression, rows):
    if compression == "jpeg" and rows % 16:
        pytest.skip("JPEG's strips are whole blocks of it")
    path = tmp_path / "strips.tif"
    tifffile.imwrite(
        path, IMAGE, photometric="rgb", compression=compression, rowsperstrip=rows, metadata=None,
        predictor=2 if compression in {"lzw", "deflate"} else None, **MPP,
    )  # fmt: skip
    theirs = tifffile.imread(path)
    with open_slide(path) as slide:
        assert (slide.facts.reader, slide.facts.mpp_x, slide.facts.mpp_source) == ("tifffile", 0.5, "file")
        assert "strips" in slide.facts.notes[0] and "Pillow gave the same" in slide.facts.notes[0]
        assert np.array_equal(whole(slide), theirs)
        assert np.array_equal(slide.read_patch(101, 77, 64, 0.5), theirs[77:141, 101:165])


def test_a_slide_that_is_only_dropped_lets_go_of_its_file(tmp_path):
    path = tmp_path / "strips.tif"
    tifffile.imwrite(path, IMAGE, photometric="rgb", rowsperstrip=16, metadata=None, **MPP)
    source = tifffile_source.open_tiff(path, None)[1]
    handle = source._file.handle
    assert os.fstat(handle)
    del source
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)


@pytest.mark.parametrize(("coding", "second"), [
    ("webp", "Pillow gave"), ("jpeg2000", "Pillow gave"), ("jpegxl", "could not be compared"),
])  # fmt: skip
def test_tiles_that_are_pictures_are_read_exactly_with_their_levels(tmp_path, coding, second):
    path = write_tiff(tmp_path / "coded.tif", reduced(IMAGE, 3), compression=coding)
    with open_slide(path) as slide:
        assert [level.downsample_x for level in slide.facts.levels] == [1, 2, 4]
        assert second in slide.facts.notes[0]
        assert np.array_equal(whole(slide), tifffile.imread(path, key=0))


@pytest.mark.parametrize(("physical", "mpp"), [
    ({"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}, 0.5),
    ({"PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 250, "PhysicalSizeYUnit": "nm"}, 0.25),
    ({"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "pixel"}, None),
    ({}, None),
])  # fmt: skip
def test_an_ome_tiff_has_its_sub_levels_and_the_scale_of_its_xml(tmp_path, physical, mpp):
    path = write_ome(tmp_path / "a.ome.tif", reduced(IMAGE, 3), **physical)
    with open_slide(path) as slide:
        assert slide.facts.mpp_x == mpp
        assert len(slide.facts.levels) == 3
        assert "OpenSlide gave the same" in slide.facts.notes[0]
        assert np.array_equal(whole(slide), tifffile.imread(path, key=0))
    assert slide.facts.former_fingerprint not in {None, slide.facts.fingerprint}  # as OpenSlide's quickhash made it


def test_of_focal_planes_the_first_is_read_and_that_is_said(tmp_path):
    path = tmp_path / "z.tif"
    with tifffile.TiffWriter(path) as file:
        for plane in (IMAGE, 255 - IMAGE):
            file.write(plane, photometric="rgb", compression="lzw", rowsperstrip=16, metadata=None, **MPP)
    with open_slide(path) as slide:
        assert "2 pictures of the slide's size" in slide.facts.notes[1]
        assert np.array_equal(whole(slide), IMAGE)


@pytest.mark.parametrize(("image", "photometric", "said"), [
    (IMAGE[..., 0], "minisblack", "one channel"),
    (IMAGE.astype(np.uint16) * 257, "rgb", "16 bits"),
    (np.dstack([IMAGE, IMAGE[..., :1]]), "rgb", "4 samples"),
])  # fmt: skip
def test_what_is_not_8_bit_rgb_is_refused_in_words(tmp_path, refusal, image, photometric, said):
    path = tmp_path / "other.tif"
    tifffile.imwrite(path, image, photometric=photometric, compression="lzw", rowsperstrip=16, metadata=None)
    assert said in refusal(path)


def test_strips_stored_turned_are_refused(tmp_path, refusal):
    path = tmp_path / "turned.tif"
    tifffile.imwrite(path, IMAGE, photometric="rgb", rowsperstrip=16, metadata=None, extratags=[(274, 3, 1, 3, True)])
    assert "orientation" in refusal(path)


def test_a_damaged_strip_fails_alone(tmp_path):
    path = tmp_path / "one_bad.tif"
    tifffile.imwrite(path, IMAGE, photometric="rgb", compression="deflate", rowsperstrip=16, metadata=None, **MPP)
    with tifffile.TiffFile(path) as file:
        offset = file.pages[0].dataoffsets[10]
    data = bytearray(path.read_bytes())
    data[offset : offset + 40] = bytes(40)
    path.write_bytes(data)
    with open_slide(path) as slide:
        assert np.array_equal(slide.read_patch(0, 0, 64, 0.5), IMAGE[:64, :64])
        with pytest.raises(Exception, match="cannot be decoded there"):
            slide.read_patch(0, 150, 64, 0.5)


def test_tiles_of_another_size_than_the_file_states_are_not_decoded(tmp_path, refusal):
    path = write_tiff(tmp_path / "lies.tif", [IMAGE], compression="webp")
    other = imagecodecs.webp_encode(np.zeros((64, 64, 3), np.uint8), lossless=True)
    with tifffile.TiffFile(path) as file:
        spots = list(zip(file.pages[0].dataoffsets, file.pages[0].databytecounts, strict=True))
    data = bytearray(path.read_bytes())
    for offset, size in spots:
        data[offset : offset + size] = other.ljust(size, b"\0")[:size]
    path.write_bytes(data)
    assert "pixels cannot be decoded" in refusal(path)


def test_readers_that_disagree_are_not_believed(tmp_path, refusal, monkeypatch):
    path = write_tiff(tmp_path / "a.tif", [IMAGE], compression="webp")
    monkeypatch.setattr(tifffile_source, "_by_pillow", lambda source, page, index: np.zeros((128, 128, 3), np.uint8))
    assert "two readers decode its pixels differently" in refusal(path)
