"""What is known of a slide: stated, refused, recognised again."""

from dataclasses import asdict, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.slides.facts import (
    LONGEST_FACT,
    FileFacts,
    SlideFacts,
    StatedFacts,
    check_mpp,
    check_size,
    fingerprint,
    folder_fingerprint,
)
from mmdnet.slides.geometry import levels_of
from mmdnet.workflows.job_specs import IngestSpec


def facts(path, **known) -> FileFacts:
    size = {"width_px0": 4000, "height_px0": 2000, "levels": levels_of([(4000, 2000)])}
    return FileFacts(path=path, fingerprint="f", vendor="v", reader="r", **(size | known))


def test_blanks_are_nothing_said_and_spaces_are_tidied():
    said = StatedFacts(stain="  H&E ", scanner="", site=" \n ", patient="P  1")
    assert said == StatedFacts(stain="H&E", patient="P 1")
    assert StatedFacts(site="x" * 80).site == "x" * 80


def test_a_text_that_is_too_long_is_refused_and_never_cut():
    with pytest.raises(LabError, match="Site is given in 81 letters; 80 are the most"):
        StatedFacts(site="x" * 81)


@pytest.mark.parametrize("mpp", [0.0, 0.09, 2.01, 28.97, float("nan")])
def test_a_scale_nobody_scans_at_cannot_be_stated(mpp):
    with pytest.raises(LabError, match=r"between 0\.1 and 2\. Nothing was changed"):
        StatedFacts(mpp=mpp)


@given(st.builds(StatedFacts, st.none() | st.floats(0.1, 2), *[st.none() | st.text(max_size=LONGEST_FACT)] * 9))
def test_what_was_said_comes_back_from_a_jobs_note(stated):
    spec = IngestSpec(project_id=1, path="a", facts=stated)
    assert IngestSpec.model_validate_json(spec.model_dump_json()) == spec
    said = {name: value for name, value in asdict(stated).items() if value is not None}
    assert IngestSpec(project_id=1, path="a", facts=said).facts == stated  # as notes were written before


def test_every_fact_has_a_title():
    assert [StatedFacts.title(known.name) for known in fields(StatedFacts)] == [
        "µm per pixel", "Stain", "Scanner", "Site", "Patient", "Visit", "Staining run", "Control",
        "Accession number", "Barcode", "Overrule the file's scale",
    ]  # fmt: skip
    assert StatedFacts.words() == (
        "stain", "scanner", "site", "patient", "visit", "staining_run", "control", "accession_number", "barcode",
    )  # fmt: skip


def test_a_person_goes_before_the_file_where_something_was_said(tmp_path):
    read = facts(tmp_path, mpp_x=0.25, mpp_y=0.26, mpp_source="file", stain="H&E", site="North")
    assert read.with_stated(StatedFacts()) == read
    assert read.stated_mpp is None
    told = read.with_stated(StatedFacts(mpp=0.5, stain="Trichrome"))
    assert (told.mpp_x, told.mpp_y, told.mpp_source, told.stated_mpp) == (0.25, 0.26, "file", None)
    told = read.with_stated(StatedFacts(mpp=0.5, stain="Trichrome", overrule_scale=True))
    assert (told.mpp_x, told.mpp_y, told.mpp_source, told.stated_mpp) == (0.5, 0.5, "overruled", 0.5)
    assert told.with_stated(StatedFacts(mpp=0.3)) == told
    silent = replace(read, mpp_x=None, mpp_y=None, mpp_source=None).with_stated(StatedFacts(mpp=0.5))
    assert (silent.mpp_x, silent.mpp_source) == (0.5, "person")
    assert silent.with_stated(StatedFacts(mpp=0.3)).mpp_x == 0.3
    assert (told.stain, told.site) == ("Trichrome", "North")


def test_what_is_kept_are_the_facts_without_the_file(tmp_path):
    kept = facts(tmp_path, patient="P1").kept()
    assert type(kept) is SlideFacts
    assert (kept.patient, kept.width_px0) == ("P1", 4000)


def test_tissue_lies_in_the_bounds_or_anywhere(tmp_path):
    assert facts(tmp_path).area_px0 == (0, 0, 4000, 2000)
    assert facts(tmp_path, bounds_px0=(10, 20, 30, 40)).area_px0 == (10, 20, 30, 40)


def test_absurd_scales_and_sizes_are_refused_with_their_fault():
    check_mpp("a", None)
    check_mpp("a", 0.25)
    with pytest.raises(LabError, match="far too coarse"):
        check_mpp("a", 2.5)
    with pytest.raises(LabError, match="finer than any light microscope"):
        check_mpp("a", 0.05)
    check_size("a", 100_000, 100_000)
    for size in ((0, 5), (1_000_000, 1), (500_000, 500_000)):
        with pytest.raises(LabError, match="pixels"):
            check_size("a", *size)


def test_a_fingerprint_is_of_the_content_and_not_of_the_name(tmp_path):
    first, second = tmp_path / "one", tmp_path / "two"
    first.write_bytes(bytes(range(256)) * 5000)
    second.write_bytes(first.read_bytes())
    assert fingerprint(first) == fingerprint(second) != fingerprint(first, "more")
    second.write_bytes(first.read_bytes()[:-1] + b"x")
    assert fingerprint(first) != fingerprint(second)
    assert folder_fingerprint([first, second]) == folder_fingerprint([second, first]) != folder_fingerprint([first])


@pytest.mark.parametrize(
    ("written", "stain"),
    [("h", "H&E"), ("HE", "H&E"), (" H & E ", "H&E"), ("masson", "Masson trichrome"), ("Sirius", "Sirius red"),
     ("Hematoxylin & eosin", "H&E"), ("haematoxylin and eosin", "H&E"), ("PicroSirius red", "Sirius red"),
     ("HES", "HES"), ("Reticulin", "Reticulin"), ("&", "&"), ("", None)],
)  # fmt: skip
def test_a_stain_is_called_as_it_is_here_whatever_way_it_is_begun(written, stain):
    assert StatedFacts(stain=written).stain == stain
