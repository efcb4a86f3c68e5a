"""What may not be reported is in no form of a report, whatever version it is of."""

import io
import json
from dataclasses import replace

import pytest
from pypdf import PdfReader

from mmdnet.reports.build import build_report
from mmdnet.reports.csv import to_csv
from mmdnet.reports.html import to_html
from mmdnet.reports.pdf import to_pdf
from mmdnet.reports.schema import canonical_json, report_sha256
from mmdnet.reports.withhold import withheld
from mmdnet.reports.words import FLOOR_REACHED, under_floor
from tests.mmdnet.reports.crafted import inputs, not_reportable, of_today
from tests.mmdnet.reports.test_schema import signature

OTHERWISE = {"steatosis": 3, "inflammation": 2, "ballooning": 0}


@pytest.fixture(scope="module", params=[2, 3, 4])
def signed(request):
    """A report of steatosis and ballooning withheld, signed with grades of a reader's own."""
    given = not_reportable(version=request.param)
    first = build_report(given)
    by = signature(report_sha256(first)).model_copy(update={"grades": OTHERWISE})
    return build_report(not_reportable(version=request.param, sign_offs=[by]))


def test_nothing_that_rests_on_a_withheld_grade_is_left(signed):
    shown = withheld(signed)
    gone, kept = shown.feature("steatosis"), shown.feature("inflammation")
    assert (gone.grade, gone.score, gone.interval, gone.probabilities) == (None, None, None, None)
    assert "withheld" in gone.absent and kept == signed.feature("inflammation")
    values = {item.name: item.value for item in shown.quantities.items}
    assert [name for name, value in values.items() if value is not None] == ["fat_area", "inflammation_density"]
    assert not shown.quantities.disagreements
    patches = {name: {patch.grade for patch in evidence.top} for evidence in shown.evidence for name in [evidence.task]}
    assert patches["steatosis"] == patches["ballooning"] == {None} and None not in patches["inflammation"]
    assert set(shown.reliability.intervals) == {"inflammation", "inflammation_density"}
    assert shown.reliability.refer == () and "No advice on a second reader" in shown.reliability.advice
    assert withheld(shown) == shown


def test_no_doubt_of_a_withheld_grade_is_left_in_the_notes():
    given = not_reportable()
    score = given.score.model_copy(update={"under_floor": ("steatosis", "inflammation")})
    report = build_report(replace(given, score=score))
    assert under_floor(("inflammation",)) in [note.words for note in withheld(report).quality.notes]
    alone = build_report(replace(given, score=score.model_copy(update={"under_floor": ("steatosis",)})))
    assert FLOOR_REACHED not in to_csv(alone) + to_html(alone)


def test_a_reportable_report_is_as_it_was():
    report = build_report(inputs(score=of_today()))
    assert withheld(report) is report


def test_no_form_of_a_signed_report_says_that_it_differs_from_what_is_withheld(signed):
    html = to_html(signed)
    pdf = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(to_pdf(signed))).pages)
    for form in (html, " ".join(pdf.split()), to_csv(signed)):
        assert "No second reader is advised" not in form and "no reason given" not in form
        assert "No advice on a second reader" in form
        assert "changed:" not in form and "network said" not in form and "Second reader advised" not in form
    for form in (html, " ".join(pdf.split())):
        assert "steatosis, ballooning graded where the model reports none" in form
        assert "has changed since it was signed" not in form and "an earlier content" not in form


def test_the_table_tells_of_no_disagreement_with_a_withheld_grade():
    given = not_reportable(version=3)
    assert any(said.startswith("Steatosis:") for said in build_report(given).quantities.disagreements)
    assert "measured fat covers" not in to_csv(build_report(given))


def test_the_document_of_today_holds_no_withheld_grade_at_all(signed):
    told = json.loads(canonical_json(signed))
    grade = next(feature["grade"] for feature in told["features"] if feature["task"] == "steatosis")
    assert (grade is None) == (signed.schema_version == 4)
