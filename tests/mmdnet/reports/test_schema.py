import json
from dataclasses import replace
from datetime import timedelta

from mmdnet.reports.build import build_report
from mmdnet.reports.inputs import ReaderGrades
from mmdnet.reports.schema import Report, SignOff, canonical_json, report_sha256
from tests.mmdnet.reports.crafted import NOW, card, inputs, score, slide


def signature(content: str) -> SignOff:
    grades = {"ballooning": 1, "inflammation": 2, "steatosis": 2}
    return SignOff(sign_off_id=1, reader="Dr B", at=NOW, grades=grades, reason="", content_sha256=content, amends=None)


def test_a_report_comes_back_from_its_json_the_same():
    report = build_report(inputs())
    assert canonical_json(Report.model_validate(json.loads(canonical_json(report)))) == canonical_json(report)


def test_equal_reports_are_equal_bytes_with_sorted_keys():
    text = canonical_json(build_report(inputs()))
    assert text == canonical_json(build_report(inputs()))
    assert text.index('"evidence"') < text.index('"features"') < text.index('"header"')


def test_signing_printing_again_and_other_readings_do_not_change_what_was_signed():
    first = build_report(inputs())
    later = replace(
        inputs(),
        made_at=NOW + timedelta(days=3),
        sign_offs=[signature(report_sha256(first))],
        human=[ReaderGrades("Dr B", {"ballooning": 1, "inflammation": 2, "steatosis": 2}, NOW)],
    )
    assert report_sha256(build_report(later)) == report_sha256(first)
    assert canonical_json(build_report(later)) != canonical_json(first)


def test_any_changed_fact_or_grade_changes_the_signed_hash():
    plain = report_sha256(build_report(inputs()))
    assert report_sha256(build_report(inputs(slide=slide(stain="Goldner trichrome")))) != plain
    assert report_sha256(build_report(inputs(score=score(nas=6)))) != plain


def test_a_report_signed_by_an_earlier_build_is_still_the_document_that_was_signed():
    signed = "dccadf8fad6f6a5b7bea0fa4b0471ea4feb95ba3881ddaabc07db0b8ad7ae109"  # of November 2026
    of_then = card(metrics={"validation": {"kappa_steatosis": 0.81}})
    assert report_sha256(build_report(inputs(card=of_then))) == signed


def test_names_of_the_case_stand_in_the_document_and_its_hash_where_they_are_known():
    plain, named = build_report(inputs()), build_report(inputs(slide=slide(accession_number="A26-1", barcode="S1")))
    assert "accession_number" not in canonical_json(plain) and "barcode" not in canonical_json(plain)
    assert '"accession_number":"A26-1"' in canonical_json(named) and '"barcode":"S1"' in canonical_json(named)
    assert report_sha256(plain) != report_sha256(named)
    assert Report.model_validate_json(canonical_json(plain)) == plain


def test_a_signature_has_a_nas_only_when_every_grade_is_given():
    assert signature("x").nas == 5
    assert (
        signature("x").model_copy(update={"grades": {"ballooning": None, "inflammation": 2, "steatosis": 2}}).nas
        is None
    )
