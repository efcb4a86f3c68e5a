"""The levels of a DICOM slide under new identifiers: read back by pydicom and OpenSlide."""

import numpy as np
import openslide
import pytest

from benchmarks._drawn import reduced, tissue, write_dicom
from mmdnet.errors import LabError
from mmdnet.slides.deidentify import deidentify

SECRET = "Mustermann"


def test_a_dicom_slide_becomes_a_folder_of_its_levels_under_new_identifiers(tmp_path):
    import pydicom

    levels = reduced(tissue(700, 500), 2)

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
    thumbnail = pydicom.dcmread(write_dicom(tmp_path / "in" / "3.dcm", levels[1], number=3, mpp=1.0))
    thumbnail.ImageType = ["DERIVED", "PRIMARY", "THUMBNAIL", "RESAMPLED"]  # all of the glass, with some scanners
    thumbnail.save_as(tmp_path / "in" / "3.dcm")
    made = deidentify(tmp_path / "in", tmp_path / "out")
    files = sorted(made.path.iterdir())
    assert made.levels == len(files) == 2 and {"InstitutionName", "PatientName"} & set(made.left_out)
    assert "thumbnail picture" in made.left_out
    for file, old in zip(files, sorted((tmp_path / "in").iterdir())[:2], strict=True):
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


def test_of_a_picture_in_several_files_the_copy_is_one_picture_too(tmp_path):
    image = tissue(300, 200, border=20)
    for number, (begin, end) in enumerate([(0, 2), (2, 6)], 1):
        write_dicom(tmp_path / "in" / f"{number}.dcm", image, part=(begin, end, number))
    made = deidentify(tmp_path / "in", tmp_path / "out")
    with openslide.OpenSlide(tmp_path / "in" / "1.dcm") as old, openslide.OpenSlide(made.path / "1.dcm") as new:
        assert np.array_equal(*(slide.read_region((0, 0), 0, (300, 200)) for slide in (old, new)))
    assert b"1.2.3.1.9" not in (made.path / "1.dcm").read_bytes()  # the picture's own identifier
