import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mmdnet.reports.build import build_report
from mmdnet.reports.json_schema import report_schema
from mmdnet.reports.schema import canonical_json
from tests.mmdnet.reports.crafted import defended, inputs, not_reportable, without

PUBLISHED = Path(__file__).parents[3] / "docs" / "report.schema.json"


def test_the_published_schema_is_current():
    assert PUBLISHED.read_text("utf-8") == report_schema()


@pytest.mark.parametrize("given", [inputs(), inputs(score=defended()), not_reportable(), without("ballooning")])
def test_every_kind_of_report_fits_it_and_what_is_none_does_not(given):
    validator = Draft202012Validator(json.loads(report_schema()))
    written = json.loads(canonical_json(build_report(given)))
    assert [error.message for error in validator.iter_errors(written)] == []
    assert list(validator.iter_errors(written | {"grade": 3}))
    assert list(validator.iter_errors({name: value for name, value in written.items() if name != "nas"}))
