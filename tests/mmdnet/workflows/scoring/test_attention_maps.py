"""A map read by itself is the one that the whole report draws."""

import pytest
from sqlalchemy import event

from db.models import Patch
from mmdnet.errors import LabError
from tests.nas import NAMES


def test_a_map_and_its_scale_are_the_reports_own_and_read_no_patch_as_a_whole(scored):
    lab, score = scored.lab, scored.score
    opened = lab.reports.open(score)
    said: list[str] = []
    event.listen(lab.db.kw["bind"], "before_cursor_execute", lambda _c, _r, statement, *rest: said.append(statement))
    for task in NAMES:
        png, legend = lab.reports.heat(score, task, 300)
        assert png == opened.heat_png(task, 300)
        written = next(drawn for drawn in opened.report.maps if drawn.task == task)
        assert (legend.low, legend.ticks, legend.unit) == (written.low, written.ticks, written.unit)
        assert legend.high == pytest.approx(written.high, abs=1e-4)
    assert said and not [statement for statement in said if "quality" in statement.partition("FROM")[0]]


def test_a_map_is_refused_where_there_is_none_or_the_patches_are_others(scored):
    lab, score = scored.lab, scored.score
    with pytest.raises(LabError, match="does not grade colour"):
        lab.reports.heat(score, "colour", 300)
    with pytest.raises(LabError, match="no score with the number 99"):
        lab.reports.heat(99, "steatosis", 300)
    with lab.db.begin() as session:
        session.delete(session.query(Patch).first())
    with pytest.raises(LabError, match="laid anew since it was scored"):
        lab.reports.heat(score, "steatosis", 300)
