"""The rule by which a project makes one label of several."""

import pytest

from mmdnet.errors import LabError
from mmdnet.workflows.labelling.views import LabelChoice
from mmdnet.workflows.projects import Projects
from tests.label_bench import grade_all


def test_the_projects_rule_is_kept_and_is_what_trainings_use(label_bench):
    bench = label_bench
    grade_all(bench, 0, [1, 1])
    grade_all(bench, 1, [2, 1])
    usual = bench.labels.consensus.rule(bench.project)
    assert (usual.rule, usual.at) == ("latest", None)
    chosen = bench.labels.consensus.set_rule(bench.project, "majority", set_by=bench.readers[2])
    assert (chosen.rule, chosen.set_by) == ("majority", "Cleo") and chosen.at is not None
    history = Projects(bench.services).changes(bench.project)
    assert bench.labels.consensus.set_rule(bench.project, "majority", set_by=bench.readers[0]) == chosen
    assert Projects(bench.services).changes(bench.project) == history  # nothing was changed, so nothing is told
    label_set = bench.labels.consensus.label_set(bench.project)
    assert label_set.rule == "majority" and [row.grades["steatosis"] for row in label_set.rows] == [1]
    rule = bench.labels.consensus.set_rule(bench.project, "reader", bench.readers[1])
    assert rule.reader == "Ben"
    label_set = bench.labels.consensus.label_set(bench.project)
    assert label_set.summary().rule == "latest of Ben alone" and [
        row.grades["steatosis"] for row in label_set.rows
    ] == [
        2,
        1,
    ]
    assert bench.labels.consensus.label_set(bench.project, LabelChoice("latest")).rule == "latest"


@pytest.mark.parametrize(("rule", "reader"), [("median", None), ("reader", None), ("latest", 1), ("reader", 99)])
def test_a_rule_that_is_none_is_refused(label_bench, rule, reader):
    with pytest.raises(LabError):
        label_bench.labels.consensus.set_rule(label_bench.project, rule, reader)
    assert label_bench.labels.consensus.rule(label_bench.project).at is None
