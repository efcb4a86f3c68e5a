"""The pyramid of an SVS or TIFF alone, tile for tile: read back by OpenSlide and tifffile."""

import numpy as np
import openslide
import pytest
import tifffile

from benchmarks._drawn import aperio, reduced, tissue, write_tiff
from mmdnet.errors import LabError
from mmdnet.files import sha256_of
from mmdnet.slides.deidentified_tiff import more_than_pixels
from mmdnet.slides.deidentify import deidentify
from mmdnet.slides.readers.open import open_slide

SECRET = "Mustermann"


@pytest.fixture(scope="module")
def levels():
    return reduced(tissue(700, 500), 2)


def write_svs(path, levels):
    """As Aperio's scanner writes it: levels, a thumbnail, a label that names the patient, a macro."""
    height, width = levels[0].shape[:2]
    words = aperio(width, height) + f"|Filename = {SECRET}|User = {SECRET}"
    with tifffile.TiffWriter(path) as file:
        given = {"photometric": "rgb", "compression": "jpeg", "metadata": None}
        file.write(levels[0], tile=(128, 128), description=words, datetime=True, software=SECRET, **given)
        file.write(levels[1], description=words, **given)
        for level in levels[1:]:
            file.write(level, tile=(128, 128), description=words, **given)
        for name, kind in (("label", 1), ("macro", 9)):
            said = f"Aperio Image Library v12\r\n{name} 120x90"
            file.write(np.full((90, 120, 3), 9, np.uint8), description=said, subfiletype=kind, **given)
    return path


def test_an_svs_is_its_pyramid_alone_and_reads_the_same(tmp_path, levels):
    slide = write_svs(tmp_path / "a.svs", levels)
    before = sha256_of(slide)
    made = deidentify(slide, tmp_path / "out.svs")
    assert sha256_of(slide) == before
    assert (made.levels, len([left for left in made.left_out if left.startswith("a picture of")])) == (2, 3)
    assert SECRET.encode() not in made.path.read_bytes()
    with openslide.OpenSlide(slide) as old, openslide.OpenSlide(made.path) as new:
        assert set(old.associated_images) == {"label", "macro", "thumbnail"} and not new.associated_images
        assert (new.level_dimensions, new.properties["openslide.mpp-x"]) == (old.level_dimensions, "0.5")
        for level, size in enumerate(old.level_dimensions):
            assert np.array_equal(old.read_region((0, 0), level, size), new.read_region((0, 0), level, size))
    with open_slide(made.path) as opened:
        assert (opened.facts.mpp_x, opened.facts.objective) == (0.5, 20)


@pytest.mark.parametrize("given", [{}, {"compression": "lzw", "predictor": True}, {"photometric": "ycbcr"}])
def test_a_tiff_keeps_scale_and_pixels_and_loses_every_word(tmp_path, levels, given):
    slide = write_tiff(
        tmp_path / "a.tiff", levels, description=f'{{"patient": "{SECRET}"}}', software=SECRET,
        extratags=[(65000, "s", 0, SECRET, True), (315, "s", 0, SECRET, True)], **given,
    )  # fmt: skip
    made = deidentify(slide, tmp_path / "out.tiff")
    assert SECRET.encode() not in made.path.read_bytes() and "the tag Artist" in made.left_out
    with tifffile.TiffFile(slide) as old, tifffile.TiffFile(made.path) as new:
        assert [page.asarray().tobytes() for page in new.pages] == [page.asarray().tobytes() for page in old.pages]
    with open_slide(slide) as old, open_slide(made.path) as new:
        assert (new.facts.mpp_x, new.facts.levels) == (old.facts.mpp_x, old.facts.levels)


def test_words_in_a_tile_are_seen_before_its_pixels_and_after_them():
    head, pixels = b"\xff\xd8", b"\xff\xda\x00\x02\xff\x00\x01\xff\xd9"
    assert more_than_pixels(head + pixels) is None and more_than_pixels(head + pixels + b"\0\xff") is None
    adobe = b"\xff\xee\x00\x0eAdobe" + bytes(7)
    assert more_than_pixels(head + adobe + pixels) is None
    assert more_than_pixels(head + adobe + b"\xff\xfe\x00\x06Name" + pixels) == "segment FE of a JPEG"
    assert more_than_pixels(head + pixels + b"Name") == "bytes after its end"
    assert more_than_pixels(b"") is None


WORDS = b"\xff\xfe\x00\x06Name"
SCAN, END = b"\xff\xda\x00\x02\xff\x00\x01\xff\xd0\x02", b"\xff\xd9"


@pytest.mark.parametrize(
    "tile",
    [
        b"\xff\xd8" + SCAN + WORDS + SCAN + END,  # between the scans of a progressive JPEG
        b"\xff\xd8\xff\xff\xff" + WORDS[1:] + SCAN + END,  # behind fill bytes
        b"\xff\xd8Name" + SCAN + END,
        b"Name" + SCAN + END,
        b"\xff\xd8" + SCAN,  # no end: nobody can say where the pixels end
        b"\xff\xd8\xff\xe0\x00\x0aJFXXName" + SCAN + END,
        b"\xff\xd8\xff\xee\x00\x12AdobeName" + bytes(7) + SCAN + END,
        b"\xff\xd8\xff\xf0\x00\x06Name" + SCAN + END,
    ],
)
def test_a_jpeg_passes_only_where_every_part_of_it_is_known_to_hold_no_words(tile):
    assert more_than_pixels(tile) is not None


def test_tables_restarts_fill_bytes_and_several_scans_hold_no_words():
    jfif = b"\xff\xe0\x00\x10JFIF\0" + bytes(9)
    assert more_than_pixels(b"\xff\xd8" + jfif + b"\xff\xdb\x00\x04\0\0" + SCAN + b"\xff" + SCAN + END) is None
    assert more_than_pixels(b"\xff\xd8\xff\xdb\x00\x04\0\0" + END) is None


def test_tiles_that_are_files_of_their_own_are_refused(tmp_path, levels):
    slide = write_tiff(tmp_path / "a.svs", levels, compression=33005, description=aperio(700, 500))
    with pytest.raises(LabError, match="which may hold words beside pixels"):
        deidentify(slide, tmp_path / "out.svs")
    assert not (tmp_path / "out.svs").exists()


def test_a_real_scan_loses_label_and_macro_and_no_pixel(tmp_path, real_data):
    slide = real_data / "slides" / "cmu-1-small-region.svs"
    made = deidentify(slide, tmp_path / "out.svs")
    with openslide.OpenSlide(slide) as old, openslide.OpenSlide(made.path) as new:
        assert "label" in old.associated_images and not new.associated_images
        assert not {"aperio.User", "aperio.Filename", "aperio.Date", "aperio.ScanScope ID"} & set(new.properties)
        assert np.array_equal(*(one.read_region((500, 500), 0, (900, 900)) for one in (old, new)))
