from datetime import UTC, datetime

import pytest

from mmdnet.reports.build import build_report
from mmdnet.reports.html import to_html
from mmdnet.reports.schema import Interval
from mmdnet.reports.typeset import (
    SAID_BY_VALIDITY,
    advice_of,
    cautions_of,
    cautions_title,
    evidence_note,
    figure_text,
    interval_text,
    learnt_from,
    left_out,
    likeness_of,
    limits_of,
    moment,
    names_text,
    notes_of,
    patch_chance,
    quantity_text,
    slide_facts,
    times_text,
    typeset,
    unsigned,
    verdict,
)
from mmdnet.reports.withhold import withheld
from mmdnet.scoring.summary import SAMPLING_INTERVAL
from mmdnet.scoring.validity import judge_validity
from tests.mmdnet.reports import crafted
from tests.mmdnet.reports.crafted import inputs, not_reportable, of_today, slide
from tests.mmdnet.reports.test_schema import signature


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0673, "0.067"), (2.54, "2.5"), (14.4, "14"), (1234.5, "1234"), (None, "not recorded")],
)
def test_numbers_have_two_significant_digits(value, text):
    assert figure_text(value) == text


@pytest.mark.parametrize(
    ("times", "text"),
    [(0, "under 0.01×"), (0.001, "under 0.01×"), (0.01, "0.01×"), (0.056, "0.06×"), (0.994, "1.0×"), (2.54, "2.5×")],
)
def test_attention_that_is_next_to_none_is_said_in_words(times, text):
    assert times_text(times) == text


def test_intervals_quantities_and_dates_are_written_one_way():
    assert interval_text(None) == "no interval"
    assert interval_text(Interval(low=0.1, high=0.25), "share") == "10–25 %"
    assert interval_text(Interval(low=4, high=6), "whole") == "4–6"
    assert (quantity_text(0.2, "share"), quantity_text(2.54, "per field")) == ("20 %", "2.5 per field")
    assert moment(datetime(2026, 3, 4, 9, 30, tzinfo=UTC)) == "4 March 2026, 09:30 UTC"
    assert typeset("2-4 foci per 200x field") == "2–4 foci per 200× field"
    assert typeset("> 4 foci per 200x field") == ">\u00a04 foci per 200× field"
    assert (names_text([]), names_text(["a", "b"]), names_text(3)) == ("none recorded", "a, b", "3")


def test_names_of_the_case_are_printed_once_one_of_them_is_known():
    def printed(**known):
        facts = slide_facts(build_report(inputs(slide=slide(**known))).header)
        return {fact.name: fact.value for fact in facts if fact.name in ("Accession number", "Barcode")}

    assert printed() == {}
    assert printed(barcode="S1") == {"Accession number": "not recorded", "Barcode": "S1"}


def test_a_verdict_names_what_was_changed():
    report, signed = build_report(inputs()), signature("0" * 64)
    assert verdict(signed, report) == "the model's grades accepted"
    changed = signed.model_copy(update={"grades": signed.grades | {"steatosis": 3}, "reason": "more fat by eye"})
    assert verdict(changed, report) == "steatosis changed: more fat by eye"


def test_where_the_models_grade_is_withheld_there_is_nothing_to_differ_from():
    report, signed = withheld(build_report(not_reportable())), signature("0" * 64)
    otherwise = signed.model_copy(update={"grades": {"steatosis": 3, "inflammation": 2, "ballooning": 0}})
    assert (
        verdict(otherwise, report)
        == "the model's grades accepted; steatosis, ballooning graded where the model reports none"
    )
    one = otherwise.model_copy(update={"grades": {"steatosis": 3, "inflammation": 1, "ballooning": None}})
    assert verdict(one, report) == "lobular inflammation changed; steatosis graded where the model reports none"
    nothing = report.model_copy(
        update={"features": tuple(known.model_copy(update={"grade": None}) for known in report.features)}
    )
    assert verdict(otherwise, nothing) == "the model reports no grade"
    assert "no grade stands here until a reader gives it" in unsigned(nothing)


def test_whose_grades_hold_where_the_score_is_withheld_is_said_before_and_after_it_is_signed():
    report, signed = withheld(build_report(not_reportable())), signature("0" * 64)
    assert advice_of(report).endswith("Its grades are a reader's to give.")
    done = report.model_copy(update={"sign_off": report.sign_off.model_copy(update={"signed": (signed,)})})
    assert advice_of(done).endswith("What holds are the signed grades.")
    assert any("signed grades are a reader's" in said for said in limits_of(done))
    assert "a reader's to give" not in to_html(done)
    told = build_report(inputs())
    assert advice_of(told) == (told.reliability.advice if told.reliability else "")


def test_a_patch_says_what_its_probability_is_of_and_how_many_are_left_out():
    shown = build_report(inputs(score=of_today())).evidence[0].top[0]
    assert patch_chance(shown) == f"P(≥ {max(1, shown.grade)}) 100 %" and shown.at_least == max(1, shown.grade)
    before = build_report(inputs()).evidence[0].top[0]
    assert patch_chance(before) == f"P({before.grade}) 100 %"
    evidence = build_report(inputs(score=of_today())).evidence[0]
    assert left_out(evidence) == ""
    assert left_out(evidence.model_copy(update={"left_out": 1})).startswith("1 patch drew more attention and is not")


def test_one_slide_of_one_patient_is_not_many():
    assert learnt_from({"slides": 1, "patients": 1}) == "1 slide of 1 patient"
    assert (learnt_from({"slides": 20}), learnt_from({})) == ("20 slides", "not recorded")


def test_where_no_interval_is_left_nothing_is_said_of_intervals():
    far = of_today(unlikeness=1.4, withheld=False)
    assert likeness_of(report := build_report(inputs(score=far))).endswith("widened by as much.")
    unknown = build_report(inputs(score=of_today(unlikeness=None)))
    assert likeness_of(unknown).endswith(
        "It takes 12 training slides of 3 patients, or a calibration on as many graded ones."
    )
    assert unknown.reliability.likeness.endswith("keeps no record of it."), "what is signed stays as it is"
    assert any(said.startswith("Intervals are 90 %") for said in limits_of(report))
    loose = of_today(notes=(f"Not calibrated to graded slides: steatosis. {SAMPLING_INTERVAL}",))
    assert SAMPLING_INTERVAL in " ".join(notes_of(build_report(inputs(score=loose))))
    nothing = {"stain": "H&E", "simulated": False, "learnt_patient": False}
    bare = build_report(inputs(score=loose, validity=judge_validity(loose, crafted.card(), {}, **nothing)))
    assert "Not calibrated to graded slides: steatosis." in notes_of(bare)
    bad = judge_validity(far, crafted.card(), {}, **nothing)
    html = to_html(shown := build_report(inputs(score=far, validity=bad)))
    assert "widened" in shown.reliability.likeness and "widened" not in likeness_of(shown)
    assert not any("ntervals are 90 %" in said for said in limits_of(shown))
    assert "widened" not in html and "Intervals are" not in html and "score with 90 % interval" not in html


@pytest.mark.parametrize(("version", "said"), [(2, True), (3, True), (4, False)])
def test_a_report_of_before_says_that_its_patches_may_be_half_glass(version, said):
    report = build_report(inputs(score=of_today(version=version)))
    assert ("Score the slide again" in evidence_note(report)) is said
    assert ("some may be half glass" in to_html(report)) is said


def test_what_keeps_a_grade_from_being_reported_is_not_said_again_among_the_cautions():
    learnt = crafted.card().model_copy(update={"simulated": True})
    far, trichrome = of_today(unlikeness=3.0, withheld=True, nas=None), slide(stain="Masson trichrome")
    before = {"stain": "Masson trichrome", "simulated": False, "learnt_patient": True}
    bad = judge_validity(far, learnt, {}, **before)
    assert {held.ground for held in bad.objections} >= set(SAID_BY_VALIDITY)
    given = {"score": far, "card": learnt, "slide": trichrome, "slide_part": "train"}
    shown = withheld(build_report(inputs(validity=bad, **given)))
    trusted = build_report(inputs(**given))
    again = tuple(SAID_BY_VALIDITY.values())
    assert sum(said.startswith(again) for said in cautions_of(trusted)) == len(again)
    assert cautions_of(shown) == tuple(said for said in cautions_of(trusted) if not said.startswith(again)) != ()
    assert cautions_title(trusted).startswith("Before trusting") and "Also to know" in to_html(shown)
