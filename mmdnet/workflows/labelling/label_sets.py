"""The labels a training uses: one row per patch by a consensus rule, and a hash that means the same anywhere."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import consensus as rules
from db import labels as rows
from db.event_log import HASHED
from db.models import LabelEvent, Patch, Reader, Slide
from db.readings import SETTLED_IMPORT
from db.sessions import sessions_of_kind
from mmdnet.labels.consensus import ONE_READER, Vote, consensus
from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.workflows.labelling.views import LabelChoice, LabelRow, LabelSet


def build(session: Session, project_id: int, choice: LabelChoice) -> LabelSet:
    """The label set of a project as it stands.

    Patches whose rule gives no grade at all and no "ignored" are left out: nothing can be learned from them.

    Raises:
        LabError: there is no such rule.
    """
    rule = rules.of_project(session, project_id) if choice.rule is None else rules.Rule(choice.rule)
    settling = sessions_of_kind(session, project_id, "adjudication")
    votes: dict[int, list[Vote]] = defaultdict(list)
    slides: dict[int, int] = {}
    for label in rows.standing_votes(session, project_id, choice.reader_id):
        if choice.slide_ids is not None and label.slide_id not in choice.slide_ids:
            continue
        settles = label.session_id in settling or label.act == SETTLED_IMPORT
        grades = Grades.from_values(label.grades)
        votes[label.patch_id].append(Vote(label.id, label.reader_id, grades, label.ignored, settles))
        slides[label.patch_id] = label.slide_id
    table = []
    for patch_id in sorted(votes):
        agreed = consensus(votes[patch_id], rule.rule, rule.reader_id)
        if agreed.ignored or agreed.grades.any_known:
            table.append(LabelRow(patch_id, slides[patch_id], agreed.grades, agreed.ignored))
    names = {reader.id: reader.name for reader in session.scalars(select(Reader))}
    return LabelSet(
        rows=tuple(table),
        rule=_rule_words(rule, choice, names),
        sha256=_hash(session, project_id, table),
        readers=tuple(sorted({names[vote.reader_id] for given in votes.values() for vote in given})),
        counts=_counts(table),
        events=session.scalar(select(func.count(LabelEvent.id))) or 0,
        last_event_hash=rows.last_hash(session),
    )


def _rule_words(rule: rules.Rule, choice: LabelChoice, names: dict[int, str]) -> str:
    """The rule, for the record of a training; with the reader's name where only one counts."""
    only = choice.reader_id if choice.reader_id is not None else rule.reader_id
    if only is None:
        return rule.rule
    return f"{rule.rule if rule.rule != ONE_READER else 'latest'} of {names[only]} alone"


def _counts(table: list[LabelRow]) -> dict[str, dict[str, int]]:
    """Per task, how often each grade (as text, for JSON) stands; `ignored` beside them."""
    counts = {
        name: {
            str(grade): count
            for grade, count in sorted(
                Counter(row.grades[name] for row in table if row.grades[name] is not None).items()
            )
        }
        for name in TASK_NAMES
    }
    return counts | {"ignored": {"patches": sum(row.ignored for row in table)}}


def _hash(session: Session, project_id: int, table: list[LabelRow]) -> str:
    """SHA-256 over sorted lines of slide fingerprint, place in level-0 pixels, grades (empty if unknown), ignored.

    Tasks later than `HASHED` stand behind it, only where they have a grade.
    """
    places = session.execute(
        select(Patch.id, Slide.fingerprint, Patch.x_px0, Patch.y_px0)
        .join(Slide, Slide.id == Patch.slide_id)
        .where(Slide.project_id == project_id, Patch.id.in_(select(LabelEvent.patch_id)))
    )
    wanted = {row.patch_id: row for row in table}
    lines = []
    for patch_id, fingerprint, x_px0, y_px0 in places:
        row = wanted.get(patch_id)
        if row is not None:
            grades = ",".join("" if row.grades[name] is None else str(row.grades[name]) for name in HASHED)
            later = "".join(f",{name}={row.grades[name]}" for name in TASK_NAMES
                            if name not in HASHED and row.grades[name] is not None)  # fmt: skip
            lines.append(f"{fingerprint},{x_px0},{y_px0},{grades},{int(row.ignored)}{later}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
