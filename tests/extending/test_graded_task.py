"""docs/extending.md: a graded task, followed in a process of its own, since tasks are read where modules are loaded."""

import subprocess
import sys

from db.models import LabelEvent, SignOff, SlideReading
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.reports.build import build_report
from mmdnet.reports.schema import report_sha256
from mmdnet.scoring.validity import verdict_of
from mmdnet.settings import PROJECT_ROOT
from tests.mmdnet.reports.crafted import card, inputs


def test_a_fourth_task_is_drawn_scored_and_reported_and_a_report_of_before_stays_what_was_signed():
    command = [sys.executable, "-m", "tests.extending.fourth_task"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [report_sha256(build_report(inputs())), verdict_of(card(metrics={})).words]


def test_every_task_has_a_column_wherever_grades_are_kept():
    for table in (LabelEvent, SlideReading, SignOff):
        assert set(TASK_NAMES) <= set(table.__table__.columns.keys()), table.__name__
