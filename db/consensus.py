"""By which rule a project makes one label of several readers': every choice is kept, the newest holds."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import ConsensusRule

USUAL = "latest"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule; `reader_id` for that of one reader. `chosen` is the row it was read from, None while nobody chose one."""

    rule: str = USUAL
    reader_id: int | None = None
    chosen: ConsensusRule | None = None


def of_project(session: Session, project_id: int) -> Rule:
    """The rule that holds now."""
    newest = select(ConsensusRule).where(ConsensusRule.project_id == project_id).order_by(ConsensusRule.id.desc())
    row = session.scalar(newest.limit(1))
    return Rule() if row is None else Rule(row.rule, row.reader_id, row)
