"""A copy without what identifies a patient: the same pixels, nothing else, and the original as it was."""

import numpy as np
import openslide
import pytest
import tifffile

from benchmarks._drawn import aperio, reduced, tissue, write_dicom, write_tiff
from mmdnet.errors import LabError
from mmdnet.files import sha256_of
from mmdnet.slides import deidentified_tiff
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


@pytest.mark.parametrize(
    "given", [{}, {"compression": "lzw", "predictor": True}, {"photometric": "ycbcr"}, {"tile": 64}]
)
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


def test_a_dicom_slide_becomes_a_folder_of_its_levels_under_new_identifiers(tmp_path, levels):
    import pydicom

    (tmp_path / "in").mkdir()
    for number, level in enumerate(levels, 1):
        file = write_dicom(
            tmp_path / "in" / f"{number}.dcm",
            level,
            number=number,
            mpp=0.5 * number,
            accession="A26-1",
            barcode="BAR-4711",
        )
        source = pydicom.dcmread(file)
        source.PatientName, source.PatientID, source.InstitutionName = SECRET, SECRET, SECRET
        source.add_new((0x0009, 0x0010), "LO", SECRET)
        source.OpticalPathSequence[0].OpticalPathDescription = SECRET
        source.save_as(file)
    made = deidentify(tmp_path / "in", tmp_path / "out")
    files = sorted(made.path.iterdir())
    assert made.levels == len(files) == 2 and {"InstitutionName", "PatientName"} & set(made.left_out)
    for file, old in zip(files, sorted((tmp_path / "in").iterdir()), strict=True):
        for word in (SECRET, "A26-1", "BAR-4711"):
            assert word.encode() not in file.read_bytes()
        copy, source = pydicom.dcmread(file), pydicom.dcmread(old)
        assert copy.PixelData == source.PixelData and copy.PatientIdentityRemoved == "YES"
        assert copy.SeriesInstanceUID != source.SeriesInstanceUID
    assert len({pydicom.dcmread(file).SeriesInstanceUID for file in files}) == 1
    with openslide.OpenSlide(tmp_path / "in" / "1.dcm") as old, openslide.OpenSlide(files[0]) as new:
        assert new.level_dimensions == old.level_dimensions
        assert np.array_equal(*(slide.read_region((0, 0), 0, (700, 500)) for slide in (old, new)))
    source.BurnedInAnnotation = "YES"
    source.save_as(tmp_path / "in" / "2.dcm")
    with pytest.raises(LabError, match="words or the slide's label"):
        deidentify(tmp_path / "in", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_what_cannot_be_shown_is_refused_and_leaves_nothing(tmp_path, levels, monkeypatch, real_data):
    slide = write_svs(tmp_path / "a.svs", levels)
    here = set(tmp_path.iterdir())
    for wrong, words in (
        (slide, "there already"),
        (tmp_path / "no" / "b.svs", "is not there"),
        (tmp_path / "b.png", "end"),
    ):
        with pytest.raises(LabError, match=words):
            deidentify(slide, wrong)
    strips = tmp_path / "strips.tiff"
    tifffile.imwrite(strips, levels[0], photometric="rgb", resolution=(20000, 20000), resolutionunit="CENTIMETER")
    with pytest.raises(LabError, match="cannot be de-identified"):
        deidentify(strips, tmp_path / "c.tiff")
    with pytest.raises(LabError, match="only the maker knows"):
        deidentify(real_data / "liver_he" / "tile01_HE.jpg", tmp_path / "c.jpg")
    monkeypatch.setattr(deidentified_tiff, "words_in_jpeg", lambda tile: 0xFE)
    with pytest.raises(LabError, match="more than pixels"):
        deidentify(slide, tmp_path / "c.svs")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(deidentified_tiff, "write_page", full)
    with pytest.raises(LabError, match="No space left"):
        deidentify(slide, tmp_path / "c.svs")
    assert set(tmp_path.iterdir()) == here | {strips}


def test_words_in_a_tile_are_seen_before_its_pixels():
    head, pixels = b"\xff\xd8", b"\xff\xda\x00\x02\xff\xfe\x00\x04no\xff\xd9"
    assert deidentified_tiff.words_in_jpeg(head + pixels) is None
    adobe = b"\xff\xee\x00\x0eAdobe" + bytes(7)
    assert deidentified_tiff.words_in_jpeg(head + adobe + pixels) is None
    assert deidentified_tiff.words_in_jpeg(head + adobe + b"\xff\xfe\x00\x06Name" + pixels) == 0xFE
    assert deidentified_tiff.words_in_jpeg(b"") is None


def test_a_real_scan_loses_label_and_macro_and_no_pixel(tmp_path, real_data):
    slide = real_data / "slides" / "cmu-1-small-region.svs"
    made = deidentify(slide, tmp_path / "out.svs")
    with openslide.OpenSlide(slide) as old, openslide.OpenSlide(made.path) as new:
        assert "label" in old.associated_images and not new.associated_images
        assert not {"aperio.User", "aperio.Filename", "aperio.Date", "aperio.ScanScope ID"} & set(new.properties)
        assert np.array_equal(*(one.read_region((500, 500), 0, (900, 900)) for one in (old, new)))
