from dataclasses import replace

import pytest
from pydantic import ValidationError

from mmdnet.reports.build import build_report
from mmdnet.reports.schema import Report, report_sha256
from tests.mmdnet.reports.crafted import PLACES, card, defended, inputs, of_today, score, slide, task, without


def sentences(report: Report) -> str:
    return " ".join(note.words for note in report.quality.notes)


def test_features_come_in_the_order_of_the_nas_with_kleiners_words():
    report = build_report(inputs())
    assert [feature.letter for feature in report.features] == ["S", "I", "B"]
    assert report.feature("inflammation").criterion == "2-4 foci per 200x field"
    assert report.nas.value == 5
    assert report.nas.interval.low == 4


def test_a_grade_a_reader_left_open_is_no_grade():
    report = build_report(inputs())
    assert report.feature("ballooning").human == ()
    assert [human.grade for human in report.feature("inflammation").human] == [1]


@pytest.mark.parametrize(
    ("stain", "sentence"),
    [
        ("H&E", "Not assessed on this stain."),
        ("Masson trichrome", "Not assessed: the model does not stage fibrosis."),
        (None, "Not assessed: the stain is not recorded, and the model does not stage fibrosis."),
    ],
)
def test_fibrosis_is_never_staged(stain, sentence):
    assert build_report(inputs(slide=slide(stain=stain))).fibrosis == sentence


def test_evidence_is_six_top_three_low_three_random_and_only_what_was_assessed():
    evidence = build_report(inputs()).evidence[0]
    assert [patch.place for patch in evidence.top] == [10, 9, 8, 7, 6, 5]
    assert [patch.place for patch in evidence.low] == [0, 1, 2]
    assert {patch.place for patch in evidence.random} == {3, 4}
    assert evidence.top[0].patch_id == 510
    assert evidence.top[0].attention == pytest.approx(11 * 11 / 66, abs=0.001)


def test_a_feature_that_was_not_trained_is_said_to_be_absent_and_takes_the_nas_with_it():
    report = build_report(without("ballooning"))
    assert report.feature("ballooning").grade is None
    assert "not trained" in report.feature("ballooning").absent
    assert report.nas.value is None
    assert report.nas.absent == "No NAS: ballooning not assessed."
    assert [shown.task for shown in report.evidence] == ["steatosis", "inflammation"]


def test_fat_that_contradicts_the_grade_is_flagged():
    plain = build_report(inputs())
    assert plain.quantities.disagreements == ()
    fatty = build_report(
        inputs(slide=slide(fat_area_share=0.30), score=score(tasks={"steatosis": task(0, 4)}, nas=None))
    )
    assert "model's grade is 0, but measured fat covers 30 %" in fatty.quantities.disagreements[0]


def test_what_speaks_against_trust_is_said_first():
    report = build_report(
        inputs(
            slide=slide(stain="Masson trichrome", scanner=None, core_length_mm=8.0, mpp_source="person"),
            slide_part="train",
            card=card(simulated=True),
        )
    )
    weights = [note.weight for note in report.quality.notes]
    assert weights == sorted(weights, reverse=True)
    told = sentences(report)
    assert "trained on this slide" in told
    assert "no slide with this stain (Masson trichrome); it knows H&E" in told
    assert "scanner is not recorded" in told
    assert "Simulated slides took part" in told
    assert "falls under 29 %" in told
    assert "entered by a person" in told
    assert "Little tissue" in told


def test_patches_set_aside_are_counted_by_reason():
    report = build_report(inputs(score=score(not_read={"tile": 2}, ignored_by_model=4)))
    assert report.quality.set_aside == {
        "pen mark": 1,
        "could not be read": 2,
        "left out by the model's quality gate": 4,
    }


def test_a_simulated_slide_is_marked():
    report = build_report(inputs(slide=slide(simulated=True)))
    assert report.header.simulated
    assert "This slide is simulated" in report.limits[0]
    assert not any("simulated" in limit for limit in build_report(inputs()).limits)


def test_a_report_never_claims_compliance_and_never_derives_saf():
    text = build_report(inputs()).model_dump_json()
    assert "compliant" not in text
    assert "SAF is not derived" in text
    assert text.count("Research use only") == 1


def test_an_unknown_field_is_refused():
    values = build_report(inputs()).model_dump()
    with pytest.raises(ValidationError):
        Report.model_validate(values | {"stage": 2})


def test_provenance_names_what_the_backbone_started_from_and_its_licence():
    origin = {"source": "ImageNet-1k weights of a package", "licence": "Apache-2.0", "sha256": "0"}
    report = build_report(inputs(card=card(backbone_origin=origin)))
    assert report.provenance.backbone == "small, from ImageNet-1k weights of a package, Apache-2.0"


def test_a_report_of_today_says_beside_each_interval_what_it_covers_and_whether_to_refer():
    report = build_report(inputs(score=defended()))
    assert report.schema_version == 2
    assert report.covers("nas") == "such held 91 % of 60 graded slides"
    assert report.covers("inflammation") == report.covers("inflammation_density") == "sampling only"
    assert report.covers("ballooning_density") == "such held 90 % of 60 graded slides"
    assert report.reliability.refer == ("near a cut",) and "Second reader advised" in report.reliability.advice
    assert "1.3 times the usual limit" in sentences(report)
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_a_withheld_nas_says_why():
    nothing = {"nas": None, "nas_expected": None, "nas_interval": None, "p_active": None, "nas_at_least": []}
    report = build_report(inputs(score=defended(withheld=True, unlikeness=2.4, **nothing)))
    assert report.nas.value is None and "withheld" in report.nas.absent
    assert "nas" not in report.reliability.intervals


def test_a_grade_under_the_detection_floor_is_flagged():
    report = build_report(inputs(score=defended(under_floor=["ballooning"], refer=["under the detection floor"])))
    assert "control slides of this staining run" in sentences(report)


def test_patches_that_are_a_quarter_glass_are_no_evidence_and_counted():
    thin = [replace(place, tissue_share=0.6 if k in {0, 9, 10} else 0.9) for k, place in enumerate(PLACES)]
    (evidence, *_) = build_report(inputs(score=of_today(), places=thin)).evidence
    assert [patch.place for patch in evidence.top] == [8, 7, 6, 5, 4, 3]
    assert [patch.place for patch in evidence.low] == [1, 2] and evidence.left_out == 2
    every = [replace(place, tissue_share=0.6) for place in PLACES]
    (evidence, *_) = build_report(inputs(score=of_today(), places=every)).evidence
    assert evidence.top[0].place == 10 and evidence.left_out == 0
    (before, *_) = build_report(inputs(places=thin)).evidence
    assert before.top[0].place == 10


def test_how_good_the_model_is_said_by_its_most_telling_check_and_no_part_of_what_is_signed():
    tested = card(
        metrics={"test": {"kappa_steatosis": 0.7}, "validation": {"kappa_steatosis": 0.9, "kappa_ballooning": 0.6}}
    )
    report = build_report(inputs(score=of_today(), card=tested))
    assert {(check.task, check.kappa, check.on) for check in report.provenance.checks} == {
        ("steatosis", 0.7, "test"), ("ballooning", 0.6, "validation"),
    }  # fmt: skip
    later = build_report(inputs(score=of_today(), card=card(metrics={"evaluation": {"kappa_steatosis": 0.5}})))
    assert report_sha256(later) == report_sha256(report)


def test_a_score_of_before_has_the_report_it_had():
    report = build_report(inputs())
    assert report.schema_version == 1 and report.reliability is None and report.covers("nas") == ""
