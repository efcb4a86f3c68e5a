"""The rule of a project: the newest of those that were chosen."""

from db import consensus
from db.models import ConsensusRule


def test_the_newest_choice_holds_and_before_any_the_usual_rule(label_bench):
    project, ben = label_bench.project, label_bench.readers[1]
    with label_bench.db.begin() as session:
        usual = consensus.of_project(session, project)
        assert (usual.rule, usual.reader_id, usual.chosen) == (consensus.USUAL, None, None)
        session.add(ConsensusRule(project_id=project, rule="majority"))
        session.add(ConsensusRule(project_id=project, rule="reader", reader_id=ben))
        session.flush()
        rule = consensus.of_project(session, project)
        assert (rule.rule, rule.reader_id) == ("reader", ben) and rule.chosen is not None
        assert consensus.of_project(session, project + 1).rule == consensus.USUAL
