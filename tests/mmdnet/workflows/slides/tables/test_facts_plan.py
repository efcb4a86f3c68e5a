"""What a plan reads and what it leaves alone; each refusal of a row is asked of the whole table in test_facts_table."""

import pytest

from db.models import Slide
from mmdnet.tables import Line
from mmdnet.workflows.slides.tables.facts_plan import FactsPlanner


@pytest.mark.parametrize("written", ["Biopsy.SVS", "biopsy.svs", "BIOPSY", "biopsy.ndpi"])
def test_a_name_is_taken_exactly_else_but_for_case_else_without_its_ending(label_bench, written):
    with label_bench.db.begin() as session:
        session.get(Slide, label_bench.slides[0]).name = "Biopsy.SVS"
        session.get(Slide, label_bench.slides[1]).name = "biopsy2.svs"
    with label_bench.db() as session:
        planned = FactsPlanner(session, label_bench.project).plan([Line(2, {"slide": written, "visit": "1"})])
        assert not session.dirty
    assert planned.facts.keys() == {label_bench.slides[0]} and planned.plan.changes[0].says == ("Visit: – → 1",)
    assert planned.readings == () and planned.mpp == {}
