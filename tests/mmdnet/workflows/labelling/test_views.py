"""What labelling hands out: facts that follow from others, and a row as a run keeps it."""

import json

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import AuditView, LabelRow


def test_a_row_comes_back_from_what_a_run_has_kept():
    row = LabelRow(7, 3, Grades(ballooning=1, steatosis=0), ignored=False)
    kept = json.loads(json.dumps(row.record()))
    assert list(kept) == ["patch_id", "slide_id", "ballooning", "inflammation", "steatosis", "ignored"]
    assert LabelRow.of_record(kept) == row
    del kept["inflammation"]
    assert LabelRow.of_record(kept) == row, "a task there was none of when it was kept is unknown"


def test_a_session_is_finished_with_its_last_patch_and_a_record_intact_while_nothing_broke(label_bench):
    assert not label_bench.session(per_slide=1).finished
    assert AuditView(3, "ab", None, None).intact and not AuditView(3, "ab", 4, "it was changed").intact
