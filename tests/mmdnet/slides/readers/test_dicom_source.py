"""DICOM slides that OpenSlide refuses: every way their frames may be stored, and what is wrong with some."""

import cv2
import imagecodecs
import numpy as np
import openslide
import pydicom
import pytest

from benchmarks._drawn import (
    in_planes,
    lossless_jpeg_frame,
    padded,
    reduced,
    rle_frame,
    tissue,
    wavelet_frame,
    write_dicom,
)
from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchPlace
from mmdnet.slides.patches import patch_grid
from mmdnet.slides.readers import dicom_source
from mmdnet.slides.readers.open import discover, open_slide

IMAGE = tissue(300, 200, border=20)
SYNTAX = "1.2.840.10008.1.2"
LS = {"syntax": f"{SYNTAX}.4.80", "photometric": "RGB", "encode": imagecodecs.jpegls_encode}
RAW = {"syntax": f"{SYNTAX}.1", "photometric": "RGB", "encode": np.ndarray.tobytes}
TILE = 128


def whole(slide):
    facts = slide.facts
    return slide.read_region_px0(0, 0, facts.width_px0, facts.height_px0, facts.width_px0, facts.height_px0)


def write_pyramid(folder, levels, mpp=0.5, **given):
    for number, level in enumerate(levels):
        write_dicom(folder / f"{number}.dcm", level, number=number + 1, mpp=mpp * 2**number, **given)
    return folder / "0.dcm"


@pytest.mark.parametrize(("syntax", "photometric", "encode", "name", "second"), [
    (".4.80", "RGB", imagecodecs.jpegls_encode, "JPEG-LS", "pyjpegls"),
    (".5", "RGB", rle_frame, "RLE", "pydicom"),
    (".4.70", "RGB", lossless_jpeg_frame, "lossless JPEG", "jpegsof3"),
    (".4.57", "RGB", lossless_jpeg_frame, "lossless JPEG", "jpegsof3"),
    (".4.201", "YBR_RCT", imagecodecs.htj2k_encode, "HTJ2K", "OpenJPH"),
    (".4.110", "RGB", lambda tile: imagecodecs.jpegxl_encode(tile, lossless=True), "JPEG XL", None),
    (".1.98", "RGB", np.ndarray.tobytes, "not compressed", None),
])  # fmt: skip
def test_what_was_stored_without_loss_is_read_as_it_was(tmp_path, syntax, photometric, encode, name, second):
    path = write_pyramid(
        tmp_path, reduced(IMAGE, 2), syntax=f"{SYNTAX}{syntax}", photometric=photometric, encode=encode
    )
    with pytest.raises(openslide.OpenSlideError):
        openslide.OpenSlide(path)
    with open_slide(path) as slide:
        facts = slide.facts
        assert np.array_equal(whole(slide), IMAGE)
        assert np.array_equal(slide.read_patch(101, 77, 64, 0.5), IMAGE[77:141, 101:165])
        assert slide.is_tiled(1, 1)
    assert (facts.vendor, facts.reader, facts.series, facts.patient) == ("dicom", "imagecodecs", "1.2.3", "P-1")
    assert (facts.mpp_x, facts.mpp_source, [level.downsample_x for level in facts.levels]) == (0.5, "file", [1, 2])
    assert (
        name in facts.notes[0] and (f"{second} gave the same" if second else "could not be compared") in facts.notes[0]
    )


def test_near_lossless_jpeg_ls_is_read_as_another_decoder_reads_it(tmp_path):
    path = write_dicom(
        tmp_path / "a.dcm", IMAGE, syntax=f"{SYNTAX}.4.81", photometric="RGB",
        encode=lambda tile: imagecodecs.jpegls_encode(tile, level=2),
    )  # fmt: skip
    theirs = pydicom.dcmread(path)
    theirs.pixel_array_options(decoding_plugin="gdcm")
    with open_slide(path) as slide:
        ours = whole(slide)
    assert np.array_equal(ours[:TILE, :TILE], theirs.pixel_array[0])
    assert 0 < np.abs(ours.astype(int) - IMAGE).max() <= 2


@pytest.mark.parametrize(("syntax", "encode"), [
    (".4.203", lambda tile: imagecodecs.htj2k_encode(tile, 0.01, reversible=False)),
    (".4.91", lambda tile: wavelet_frame(cv2.cvtColor(tile, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]].copy(), turned=False)),
    (".4.50", lambda tile: imagecodecs.jpeg8_encode(tile, 95, subsampling="444")),
    (".1", lambda tile: cv2.cvtColor(tile, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]].tobytes()),
    (".4.80", lambda tile: imagecodecs.jpegls_encode(cv2.cvtColor(tile, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]].copy())),
])  # fmt: skip
def test_brightness_and_colours_become_red_green_and_blue(tmp_path, syntax, encode):
    photometric = "YBR_ICT" if syntax == ".4.203" else "YBR_FULL"
    path = write_dicom(tmp_path / "a.dcm", IMAGE, syntax=f"{SYNTAX}{syntax}", photometric=photometric, encode=encode)
    with open_slide(path) as slide:
        apart = np.abs(whole(slide).astype(int) - IMAGE)
        assert "gave the same pixels" in slide.facts.notes[0] and photometric in slide.facts.notes[0]
    assert apart.mean() < 2 and np.median(apart) <= 1


def test_colours_at_half_the_width_are_one_for_two_pixels(tmp_path):
    def halved(tile):
        luma, cr, cb = cv2.split(cv2.cvtColor(tile, cv2.COLOR_RGB2YCrCb))
        return np.dstack([luma[:, ::2], luma[:, 1::2], cb[:, ::2], cr[:, ::2]]).tobytes()

    smooth = cv2.GaussianBlur(IMAGE, (0, 0), 6)
    path = write_dicom(tmp_path / "a.dcm", smooth, **(RAW | {"photometric": "YBR_FULL_422", "encode": halved}))
    with open_slide(path) as slide:
        assert "pydicom gave the same" in slide.facts.notes[0]
        assert np.abs(whole(slide).astype(int) - smooth).mean() < 1.5


def test_colours_in_planes_and_tags_without_kinds_are_read(tmp_path):
    planes = write_dicom(tmp_path / "planes.dcm", IMAGE, **(RAW | {"encode": in_planes}), planar=1)
    silent = write_dicom(tmp_path / "b" / "silent.dcm", IMAGE, scanned=[0, 1, 2, 3, 5], **RAW)
    data = pydicom.dcmread(silent)
    data.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    data.save_as(silent, implicit_vr=True, little_endian=True, overwrite=True)
    with open_slide(planes) as slide:
        assert np.array_equal(whole(slide), IMAGE)
    with open_slide(silent) as slide:
        left_out = IMAGE.copy()
        left_out[TILE:, TILE : 2 * TILE] = 255
        assert np.array_equal(whole(slide), left_out)


@pytest.mark.parametrize("scanned", [[0, 1, 2, 4], [5, 0, 3, 4, 1]])
def test_tiles_that_were_not_scanned_are_glass(tmp_path, scanned):
    path = write_dicom(tmp_path / "a.dcm", IMAGE, scanned=scanned, **LS)
    expected = np.full((2 * TILE, 3 * TILE, 3), 255, np.uint8)
    for i in scanned:
        y, x = i // 3 * TILE, i % 3 * TILE
        expected[y : y + TILE, x : x + TILE] = padded(IMAGE, TILE)[y : y + TILE, x : x + TILE]
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide), expected[:200, :300])
        grid = patch_grid(slide, 64)
        ((_, patch),) = slide.read_patches([PatchPlace(0, 1, *grid.corner_px0(0, 1), 1.0)], grid)
        assert np.array_equal(patch, expected[:64, 64:128])


def test_one_picture_in_several_files_is_joined_and_a_missing_file_is_said(tmp_path, refusal):
    for number, (begin, end) in enumerate([(0, 2), (2, 6)]):
        write_dicom(tmp_path / f"{number}.dcm", IMAGE, part=(begin, end, number + 1), **LS)
    for name in ("0.dcm", "1.dcm"):
        with open_slide(tmp_path / name) as slide:
            assert np.array_equal(whole(slide), IMAGE)
    assert len(discover(tmp_path)) == 1
    for kept, gone in (("1.dcm", "0.dcm"), ("0.dcm", "1.dcm")):
        data = (tmp_path / gone).read_bytes()
        (tmp_path / gone).unlink()
        assert "Copy all files of the slide" in refusal(tmp_path / kept)
        (tmp_path / gone).write_bytes(data)


def test_of_focal_planes_the_middle_one_is_read_and_that_is_said(tmp_path):
    blurred = [cv2.GaussianBlur(IMAGE, (0, 0), sigma) for sigma in (4, 8)]
    path = write_dicom(tmp_path / "a.dcm", blurred[0], planes=[IMAGE, blurred[1]], **LS)
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide), IMAGE)
        assert "3 focal planes; the middle one is read" in slide.facts.notes[1]


def test_levels_go_by_their_own_spacing_and_pixels(tmp_path):
    large = tissue(1000, 800, border=80)
    half = reduced(large, 2)[1]
    write_dicom(tmp_path / "0.dcm", large, **LS)
    write_dicom(tmp_path / "1.dcm", padded(half, TILE), number=2, mpp=1.0, **LS)
    write_dicom(tmp_path / "2.dcm", tissue(250, 200, seed=9), number=3, mpp=2.0, **LS)  # of another slide
    write_dicom(tmp_path / "3.dcm", half, number=4, mpp=1.0, kind="LABEL", **LS)
    with open_slide(tmp_path / "0.dcm") as slide:
        assert [(level.width_px, level.downsample_x) for level in slide.facts.levels] == [(1000, 1), (500, 2)]
        assert np.array_equal(slide.read_region_px0(0, 0, 1000, 800, 500, 400), half)


@pytest.mark.parametrize(("given", "said"), [
    ({"bits": 16}, "16 bits"),
    ({"samples": 1, "photometric": "MONOCHROME2"}, "one channel"),
    ({"photometric": "PALETTE COLOR"}, "PALETTE COLOR"),
    ({"syntax": f"{SYNTAX}.1.99"}, "deflated"),
    ({"syntax": f"{SYNTAX}.4.102"}, "film"),
    ({"syntax": f"{SYNTAX}.4.250"}, "not read here"),
    ({"kind": "LABEL"}, "none of its files shows tissue"),
    ({"part": (0, 5, 1)}, "needs 6 frames, and 5 are in its files"),
    ({"encode": lambda tile: imagecodecs.jpegls_encode(tile[:64].copy())}, "cannot be decoded"),
    ({"encode": lambda tile: b"no picture."}, "cannot be decoded"),
    ({"syntax": f"{SYNTAX}.4.90", "photometric": "YBR_RCT", "planes": [IMAGE],
      "encode": lambda tile: wavelet_frame(tile, turned=False)}, "cannot be decoded"),
])  # fmt: skip
def test_what_is_not_read_is_refused_in_words_and_alone(tmp_path, refusal, given, said):
    path = write_dicom(tmp_path / "bad.dcm", IMAGE, **(LS | given))
    write_dicom(tmp_path / "good.dcm", IMAGE, series="1.2.4", **LS)
    sentence = refusal(path)
    assert said in sentence and "Nothing was changed" in sentence and str(tmp_path) not in sentence
    with open_slide(tmp_path / "good.dcm") as slide:
        assert np.array_equal(whole(slide), IMAGE)


def test_a_smaller_level_that_is_not_read_costs_itself_and_the_finest_one_the_slide(tmp_path, refusal):
    path = write_pyramid(tmp_path, reduced(IMAGE, 2), **LS)
    write_dicom(tmp_path / "1.dcm", reduced(IMAGE, 2)[1], number=2, mpp=1.0, **(LS | {"photometric": "PALETTE COLOR"}))
    with open_slide(path) as slide:
        assert len(slide.facts.levels) == 1 and "PALETTE COLOR" in slide.facts.notes[1]
    write_dicom(tmp_path / "0.dcm", IMAGE, **(LS | {"photometric": "PALETTE COLOR"}))
    assert "PALETTE COLOR" in refusal(tmp_path / "1.dcm")


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_file_that_was_cut_short_is_said_to_be(tmp_path, refusal, share):
    path = write_dicom(tmp_path / "a.dcm", IMAGE, **LS)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert "ends before its last frame" in refusal(path)


def test_a_damaged_frame_fails_alone(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", IMAGE, **LS)
    frame = imagecodecs.jpegls_encode(np.ascontiguousarray(IMAGE[:TILE, TILE : 2 * TILE]))
    data = path.read_bytes()
    path.write_bytes(data.replace(frame[200:], bytes(len(frame) - 200)))
    with open_slide(path) as slide:
        assert np.array_equal(slide.read_patch(0, 0, 64, 0.5), IMAGE[:64, :64])
        with pytest.raises(LabError, match="cannot be decoded there"):
            slide.read_patch(150, 0, 64, 0.5)


def test_decoders_that_disagree_are_not_believed(tmp_path, refusal, monkeypatch):
    path = write_dicom(tmp_path / "a.dcm", IMAGE, **LS)
    monkeypatch.setattr(dicom_source, "second", lambda data, form: np.zeros((TILE, TILE, 3), np.uint8))
    assert "two readers decode its pixels differently" in refusal(path)


def test_a_slide_keeps_its_fingerprint_whichever_file_is_named_and_a_folder_opens_as_its_slide(tmp_path):
    write_pyramid(tmp_path, reduced(IMAGE, 2), **LS)
    marks = set()
    for named in (tmp_path, tmp_path / "0.dcm", tmp_path / "1.dcm"):
        with open_slide(named) as slide:
            assert (slide.facts.path, slide.facts.width_px0) == (named, 300)
            marks.add(slide.facts.fingerprint)
    assert len(marks) == 1
