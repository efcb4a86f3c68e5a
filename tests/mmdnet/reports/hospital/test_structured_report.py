"""Grades as DICOM SR, read back by GDCM."""

import pytest

from mmdnet.reports.build import build_report
from mmdnet.reports.hospital.structured_report import sentences, structured_report
from mmdnet.reports.withhold import withheld
from mmdnet.scoring.validity import judge_validity
from tests.mmdnet.reports import crafted
from tests.mmdnet.reports.crafted import inputs, not_reportable, of_today, slide, without
from tests.mmdnet.reports.hospital.conftest import built
from tests.mmdnet.reports.hospital.readers import content, read_back

NAS = "NAFLD activity score, 0 to 8"


def leaves(given, folder):
    """What the document says, and its data set."""
    report, _, reference = built(given) if not isinstance(given, tuple) else given
    document = read_back(structured_report(report, reference), folder)
    return list(content(document)), document


def test_grades_nas_interval_model_and_signature_are_read_back(named, tmp_path):
    said, document = leaves(named, tmp_path)
    assert document["SOPClassUID"] == ["1.2.840.10008.5.1.4.1.1.88.33"]
    assert [document[name] for name in ("PreliminaryFlag", "VerificationFlag", "CompletionFlag")] == [
        ["PRELIMINARY"], ["UNVERIFIED"], ["COMPLETE"],
    ]  # fmt: skip
    assert (document["PatientID"], document["AccessionNumber"]) == (["P01"], ["A26-1"])
    assert document["ContentTemplateSequence"][0]["TemplateIdentifier"] == ["1500"]
    assert said.count(("CODE", "Steatosis grade, 0 to 3", "Steatosis grade 2")) == 2  # the model's and the signed one
    first = said.index(("NUM", NAS, "5.0"))
    assert said[first + 1 : first + 3] == [
        ("NUM", "Lower end of the 90 % interval", "4.0"), ("NUM", "Upper end of the 90 % interval", "6.0"),
    ]  # fmt: skip
    for leaf in (
        ("TEXT", "Device Observer Name", "first"), ("TEXT", "Device Observer Serial Number", "a" * 64),
        ("TEXT", "Algorithm Version", "a" * 64), ("PNAME", "Person Observer Name", "Dr B"),
        ("TEXT", "Specimen Container Identifier", "S26;A1"), ("CODE", "Finding Site", "Liver"),
        ("TEXT", "Comment", "Research use only: not for diagnosis or treatment."),
        ("TEXT", "Comment", "Signed by Dr B, signer not proven."),
    ):  # fmt: skip
        assert leaf in [(kind, name, value.strip()) for kind, name, value in said], leaf
    fat = said.index(("NUM", "Fat, share of tissue area, measured on the pixels", "0.16"))
    algorithms = [value for _, name, value in said[:fat] if name == "Algorithm Name"]
    assert algorithms == ["first", "Fat droplets by colour and shape"], "fat stands under its own algorithm"
    assert any("such held 91 %" in value for _, _, value in said)
    assert any(value.startswith("Second reader advised: a grade lies near a cut") for _, _, value in said)


def test_a_withheld_score_puts_no_number_of_the_model_into_it(tmp_path):
    said, _ = leaves(not_reportable(), tmp_path)
    assert not [leaf for leaf in said if leaf[:2] == ("NUM", NAS) or "mean of the resamples" in leaf[1]]
    assert ("CODE", "Whether the model's score may be reported", "Not reportable: withheld") in said
    assert ("CODE", "Steatosis grade, 0 to 3", "Withheld: not reportable") in said
    assert ("CODE", "Lobular inflammation grade, 0 to 3", "Lobular inflammation grade 2") in said  # this one holds
    assert not [name for _, name, _ in said if name.startswith("Steatosis score")]
    assert any(
        value.startswith("The model's score is not reportable: the model was not validated") for _, _, value in said
    )
    assert ("TEXT", "Comment", "Not signed.") in said
    assert not any("Second reader advised" in value for _, _, value in said)


def test_where_every_interval_is_withheld_no_sentence_tells_of_intervals():
    far = of_today(unlikeness=1.4, withheld=False)

    def said(**more):
        return " ".join(sentences(withheld(build_report(inputs(score=far, **more))), "a slide", "a" * 64))

    bad = judge_validity(far, crafted.card(), {}, stain="H&E", simulated=False, learnt_patient=False)
    assert "widened by as much" in said() and "Intervals are 90 %" in said()
    assert "unlike" in said(validity=bad) and "ntervals are" not in said(validity=bad)


def test_what_the_model_was_not_trained_on_is_said_to_be_absent(tmp_path):
    said, _ = leaves(without("ballooning"), tmp_path)
    assert ("CODE", "Ballooning grade, 0 to 2", "Not assessed") in said
    assert not [leaf for leaf in said if leaf[1] == NAS]


def test_a_slide_that_is_no_dicom_is_not_pointed_to_but_named(named, of_dicom, tmp_path):
    said, document = leaves(named, tmp_path)
    assert not {"CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"} & set(document)
    assert any(value.startswith("Source: image that is no DICOM, N01.svs") for _, _, value in said)
    said, document = leaves(of_dicom, tmp_path)
    (study,) = document["CurrentRequestedProcedureEvidenceSequence"]
    (series,) = study["ReferencedSeriesSequence"]
    assert (study["StudyInstanceUID"], series["SeriesInstanceUID"]) == (["1.2"], ["1.2.3"])
    assert [value for kind, _, value in said if kind == "IMAGE"] == ["1.2.3.1"] * 2  # the model's group and the fat's


@pytest.mark.parametrize("facts", [{"patient": None}, {"patient": "Müller-Ł 东", "simulated": True}, {"mpp_x": None}])
def test_a_patient_without_id_with_any_letters_or_a_slide_without_scale_is_written(facts, tmp_path):
    said, document = leaves(inputs(slide=slide(**facts)), tmp_path)
    assert document["PatientID"] == ([facts["patient"]] if facts.get("patient") else document["PatientID"])
    assert facts.get("patient", "P01") or not "".join(document["PatientID"])
    assert any(value.startswith("Simulated slide") for _, _, value in said) == bool(facts.get("simulated"))


def test_equal_reports_are_equal_files_and_a_signature_makes_another(named):
    report, _, reference = named
    unsigned = report.model_copy(update={"sign_off": report.sign_off.model_copy(update={"signed": ()})})
    first, second, third = (structured_report(each, reference) for each in (report, report, unsigned))
    assert first == second != third
