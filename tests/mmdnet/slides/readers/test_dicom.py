"""Which slide a DICOM file belongs to, and what of a folder of them is a slide."""

import zlib

import pytest

from benchmarks._drawn import derived_from, reduced, tissue, write_dicom
from mmdnet.errors import LabError
from mmdnet.slides.readers.dicom import NotDicomError, read_head, series_files
from mmdnet.slides.readers.open import discover, open_slide

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


@pytest.fixture(scope="module")
def levels():
    return reduced(tissue(600, 400, border=40), 2)


def test_the_tags_of_a_file_are_read_at_the_top_alone(tmp_path, levels):
    head = read_head(
        write_dicom(tmp_path / "a.dcm", levels[0], series="1.2.77", others=derived_from("1.2.99"), mpp=0.25)
    )
    assert (head.series, head.columns, head.rows, head.bits) == ("1.2.77", 600, 400, 8)
    assert head.spacing_um == pytest.approx((0.25, 0.25)) and head.is_slide and head.is_volume


def test_accession_number_and_barcode_are_taken_from_a_file_that_gives_them(tmp_path, levels):
    path = write_dicom(tmp_path / "a.dcm", levels[1], accession="A26-1", barcode=" S26-1;A1 ")
    with open_slide(path) as slide:
        assert (slide.facts.accession_number, slide.facts.barcode) == ("A26-1", "S26-1;A1")
    with open_slide(write_dicom(tmp_path / "b" / "b.dcm", levels[1])) as slide:
        assert (slide.facts.accession_number, slide.facts.barcode) == (None, None)


def test_an_object_derived_from_a_slide_is_no_slide_and_hides_none(tmp_path, levels):
    write_dicom(tmp_path / "a.dcm", levels[0], series="1.2.77")
    write_dicom(
        tmp_path / "larger.dcm",
        tissue(900, 900),
        series="1.2.99",
        others=derived_from("1.2.77"),
        sop_class=SEGMENTATION,
    )
    assert discover(tmp_path) == [tmp_path / "a.dcm"]
    with pytest.raises(LabError, match="no whole-slide image"):
        open_slide(tmp_path / "larger.dcm")


def test_a_slide_is_its_series_whichever_file_is_named(tmp_path, levels):
    for number, level in enumerate(levels):
        write_dicom(tmp_path / f"{number}.dcm", level, number=number + 1, mpp=0.5 * 2**number)
    write_dicom(tmp_path / "other.dcm", levels[0], series="1.2.4")
    assert discover(tmp_path) == [tmp_path / "0.dcm", tmp_path / "other.dcm"]
    assert [file.name for file, _ in series_files(tmp_path / "1.dcm")] == ["0.dcm", "1.dcm"]
    with open_slide(tmp_path / "0.dcm") as fine, open_slide(tmp_path / "1.dcm") as coarse:
        assert fine.facts.fingerprint == coarse.facts.fingerprint
        assert coarse.facts.width_px0 == 600


@pytest.mark.parametrize("cut", [0, 100, 131, 140, 400, 700])
def test_a_file_that_is_none_or_cut_short_is_said_to_be(tmp_path, levels, cut):
    path = write_dicom(tmp_path / "a.dcm", levels[1])
    path.write_bytes(path.read_bytes()[:cut])
    if cut in {400, 700}:
        assert read_head_or_none(path) is None or read_head(path).series == "1.2.3"
    else:
        with pytest.raises(NotDicomError):
            read_head(path)


def read_head_or_none(path):
    try:
        return read_head(path)
    except NotDicomError:
        return None


def test_what_a_dicom_file_holds_that_cannot_be_read_is_named_and_not_called_damage(tmp_path, levels, refusal):
    deflated = tmp_path / "b" / "deflated.dcm"
    syntax = "1.2.840.10008.1.2.1.99"
    begin = 132 + 12 + int.from_bytes(write_dicom(deflated, levels[1], syntax=syntax).read_bytes()[140:144], "little")
    data = deflated.read_bytes()
    deflated.write_bytes(data[:begin] + zlib.compress(data[begin:], wbits=-15))
    for path, word in ((write_dicom(tmp_path / "a.dcm", levels[1], bits=16), "16 bits"), (deflated, "deflated")):
        said = refusal(path)
        assert word in said and "damaged" not in said and str(tmp_path) not in said
