"""Scales read cases as columns, and leave out what is not known on both sides."""

from mmdnet.evaluation.scales import scales
from mmdnet.labels.grading import NAS, SHOWN_TASKS
from tests.mmdnet.evaluation.crafted import case


def test_every_task_is_a_scale_in_the_order_people_read_them_and_the_nas_comes_last():
    assert [scale.name for scale in scales()] == [*(task.name for task in SHOWN_TASKS), NAS]
    assert scales()[-1].highest == 8 and not scales()[-1].is_task


def test_columns_hold_the_slides_known_on_both_sides_and_whether_intervals_hold():
    cases = [case(1, (2, 1, 3), (1, 1, 3)), case(2, (None, 1, 1), (0, 1, 1)), case(3, (1, 1, 1), (None, 1, 1))]
    by_name = {scale.name: scale.columns(cases) for scale in scales()}
    ballooning = by_name["ballooning"]
    assert (ballooning.truth.tolist(), ballooning.said.tolist(), ballooning.covered.tolist()) == ([2], [1], [False])
    assert len(by_name["steatosis"].cases) == 3 and len(by_name[NAS].cases) == 1
    assert scales()[0].columns([]) is None
