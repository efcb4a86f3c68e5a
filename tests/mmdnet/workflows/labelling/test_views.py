"""What labelling hands out: facts that follow from others, and a row as a run keeps it."""

import json
from dataclasses import asdict

import pytest

from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.workflows.labelling.views import AuditView, LabelRow, LabelSet, SessionPlan


def test_a_row_comes_back_from_what_a_run_has_kept():
    row = LabelRow(7, 3, Grades(ballooning=1, steatosis=0), ignored=False)
    kept = json.loads(json.dumps(row.record()))
    assert list(kept) == ["patch_id", "slide_id", *TASK_NAMES, "ignored"]
    assert LabelRow.of_record(kept) == row
    del kept["inflammation"]
    assert LabelRow.of_record(kept) == row, "a task there was none of when it was kept is unknown"


def test_the_record_of_a_run_says_all_of_a_label_set_but_its_rows():
    row = LabelRow(7, 3, Grades(ballooning=1), ignored=False)
    labels = LabelSet((row,), "latest", "ab", ("Ada",), {"ballooning": {"1": 1}}, 4, "cd")
    kept = json.loads(json.dumps(asdict(labels.summary())))
    assert list(kept) == ["rule", "sha256", "readers", "counts", "patches", "events", "last_event_hash"]
    assert (kept["readers"], kept["patches"], kept["events"]) == (["Ada"], 1, 4)


@pytest.mark.parametrize(
    "kept",
    [
        {"kind": "plan"},
        {"kind": "plan", "plan": "quota", "audit_share": 0.2, "slides": [2, 3], "per_slide": {"2": 5, "3": 0}},
        {"kind": "plan", "plan": "random", "audit_share": 0.0, "slides": [2], "per_slide": None},
        {"kind": "plan", "plan": "margin", "audit_share": 0.2, "slides": [2], "total": 9, "model": "first"},
        {"kind": "repeat", "share": 0.1},
        {"kind": "plan", "suggestions": {"on": True, "model_id": 3}},
    ],
)
def test_a_sessions_plan_is_kept_as_it_was_read(kept):
    assert json.loads(json.dumps(SessionPlan.of(kept).kept())) == kept


def test_a_plan_of_an_earlier_build_has_the_name_it_has_now():
    assert SessionPlan.of({"plan": "torn"}).plan == "margin"
    assert SessionPlan.of({}).kind == "plan"


def test_a_session_is_finished_with_its_last_patch_and_a_record_intact_while_nothing_broke(label_bench):
    assert not label_bench.session(per_slide=1).finished
    assert AuditView(3, "ab", None, None).intact and not AuditView(3, "ab", 4, "it was changed").intact
