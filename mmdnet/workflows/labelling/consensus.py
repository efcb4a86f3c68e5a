"""From several readers' labels to one: the rule a project goes by, and the label set that follows from it."""

from __future__ import annotations

from db import consensus as rules
from db.models import ConsensusRule, Project, Reader
from db.projects import SETTING, add_change
from mmdnet.errors import LabError
from mmdnet.labels.consensus import ONE_READER, RULE_NAMES
from mmdnet.workflows.labelling import label_sets
from mmdnet.workflows.labelling.agreement_views import RuleView
from mmdnet.workflows.labelling.views import LabelChoice, LabelSet
from mmdnet.workflows.services import Services, must_get


class Consensus:
    """Use cases reachable as `lab.labels.consensus`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def rule(self, project_id: int) -> RuleView:
        """By which rule the project makes one label of several readers'."""
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            rule = rules.of_project(session, project_id)
            row = rule.chosen
            names = [session.get_one(Reader, key).name if key else None for key in (rule.reader_id, row and row.set_by)]
            return RuleView(rule.rule, rule.reader_id, names[0], names[1], row.at if row else None)

    def set_rule(self, project_id: int, rule: str, reader_id: int | None = None, set_by: int | None = None) -> RuleView:
        """Choose the rule; earlier choices stay on record, and trainings keep the one they were made with.

        The rule that was chosen already stays as it is, with who chose it: nothing is written.

        Raises:
            LabError: there is no such rule, or the rule of one reader names none.
        """
        if rule not in RULE_NAMES:
            raise LabError(f"There is no consensus rule called {rule}. Known are {', '.join(RULE_NAMES)}.")
        if (rule == ONE_READER) != (reader_id is not None):
            raise LabError("The rule of one reader needs that reader, and the others need none. Nothing was changed.")
        with self._services.db.begin() as session:
            must_get(session, Project, project_id, "project")
            for number in (reader_id, set_by):
                if number is not None:
                    must_get(session, Reader, number, "reader")
            standing = rules.of_project(session, project_id)
            if standing.chosen is None or (standing.rule, standing.reader_id) != (rule, reader_id):
                session.add(ConsensusRule(project_id=project_id, rule=rule, reader_id=reader_id, set_by=set_by))
                whose = f" ({session.get_one(Reader, reader_id).name})" if reader_id is not None else ""
                add_change(session, project_id, SETTING, f"where readers differ: {rule}{whose}", set_by)
        return self.rule(project_id)

    def label_set(self, project_id: int, choice: LabelChoice | None = None) -> LabelSet:
        """One row per patch that has a grade or is ignored, of the labels chosen; see `label_sets.build`."""
        with self._services.db() as session:
            return label_sets.build(session, project_id, choice or LabelChoice())
