"""The labels a training uses: one row per patch by a consensus rule, and a hash that means the same anywhere."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import consensus as rules
from db import labels as rows
from db.event_cache import EventCache, joined_by_slide
from db.event_log import HASHED
from db.models import LabelEvent, Patch, Reader, Slide
from db.readings import SETTLED_IMPORT
from db.sessions import sessions_of_kind
from mmdnet.labels.consensus import ONE_READER, Vote, consensus
from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.workflows.labelling.views import LabelChoice, LabelRow, LabelSet

CHOICES_KEPT = 4  # label sets, by project, rule and reader, whose parts stay in memory


def build(session: Session, project_id: int, choice: LabelChoice) -> LabelSet:
    """The label set of a project as it stands.

    Patches whose rule gives no grade at all and no "ignored" are left out: nothing can be learned from them.

    Raises:
        LabError: there is no such rule.
    """
    rule = rules.of_project(session, project_id) if choice.rule is None else rules.Rule(choice.rule)
    kept = _slides(session, project_id, rule, choice.reader_id)
    chosen = {key: kept[key] for key in kept if choice.slide_ids is None or key in choice.slide_ids}
    table = sorted((row for of_slide in chosen.values() for row in of_slide.rows), key=lambda row: row.patch_id)
    names = {reader.id: reader.name for reader in session.scalars(select(Reader))}
    return LabelSet(
        rows=tuple(table),
        rule=_rule_words(rule, choice, names),
        sha256=_hash(session, chosen),
        readers=tuple(sorted({names[reader] for of_slide in chosen.values() for reader in of_slide.readers})),
        counts=_counts(table),
        events=session.scalar(select(func.count(LabelEvent.id))) or 0,
        last_event_hash=rows.last_hash(session),
    )


class _OfSlide(NamedTuple):
    """A slide's part of a label set: its rows, the line of each for the hash, and who gave any label on it."""

    rows: list[LabelRow]
    lines: list[str]
    readers: set[int]


def _slides(session: Session, project_id: int, rule: rules.Rule, reader_id: int | None) -> dict[int, _OfSlide]:
    """Every slide's part; what was read before is kept, see `db.event_cache`."""

    def read(slides: Collection[int] | None) -> dict[int, _OfSlide]:
        return _read(session, project_id, rule, reader_id, slides)

    return _PARTS.get(session, project_id, read, asked=(rule.rule, rule.reader_id, reader_id))


_PARTS: EventCache[dict[int, _OfSlide]] = EventCache(CHOICES_KEPT, joined_by_slide)


def _read(
    session: Session, project_id: int, rule: rules.Rule, reader_id: int | None, slide_ids: Collection[int] | None
) -> dict[int, _OfSlide]:
    settling = sessions_of_kind(session, project_id, "adjudication")
    votes: dict[int, dict[int, list[Vote]]] = defaultdict(lambda: defaultdict(list))
    for label in rows.standing_votes(session, project_id, reader_id, slide_ids):
        settles = label.session_id in settling or label.act == SETTLED_IMPORT
        grades = Grades.from_values(label.grades)
        votes[label.slide_id][label.patch_id].append(Vote(label.id, label.reader_id, grades, label.ignored, settles))
    places = _places(session, project_id, slide_ids)
    return {slide_id: _part(slide_id, of_slide, rule, places) for slide_id, of_slide in votes.items()}


def _part(
    slide_id: int, votes: Mapping[int, Sequence[Vote]], rule: rules.Rule, places: Mapping[int, tuple[int, int]]
) -> _OfSlide:
    part = _OfSlide([], [], {vote.reader_id for given in votes.values() for vote in given})
    for patch_id in sorted(votes):
        agreed = consensus(votes[patch_id], rule.rule, rule.reader_id)
        if agreed.ignored or agreed.grades.any_known:
            row = LabelRow(patch_id, slide_id, agreed.grades, agreed.ignored)
            part.rows.append(row)
            part.lines.append(_line(row, *places[patch_id]))
    return part


def _places(session: Session, project_id: int, slide_ids: Collection[int] | None) -> dict[int, tuple[int, int]]:
    """Left and upper edge of every labelled patch in level-0 pixels, by patch id."""
    places = (
        select(Patch.id, Patch.x_px0, Patch.y_px0)
        .join(Slide, Slide.id == Patch.slide_id)
        .where(Slide.project_id == project_id, Patch.id.in_(select(LabelEvent.patch_id)))
    )
    if slide_ids is not None:
        places = places.where(Patch.slide_id.in_(slide_ids))
    return {patch_id: (x_px0, y_px0) for patch_id, x_px0, y_px0 in session.execute(places)}


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


def _line(row: LabelRow, x_px0: int, y_px0: int) -> str:
    """What is hashed of a row, but for its slide: place in level-0 pixels, grades (empty if unknown), ignored.

    Tasks later than `HASHED` stand behind it, only where they have a grade.
    """
    grades = ",".join("" if row.grades[name] is None else str(row.grades[name]) for name in HASHED)
    later = "".join(
        f",{name}={row.grades[name]}" for name in TASK_NAMES if name not in HASHED and row.grades[name] is not None
    )
    return f"{x_px0},{y_px0},{grades},{int(row.ignored)}{later}"


def _hash(session: Session, slides: Mapping[int, _OfSlide]) -> str:
    """SHA-256 over the sorted lines, each with its slide's fingerprint before it."""
    known = session.execute(select(Slide.id, Slide.fingerprint)).tuples()
    fingerprints = {slide_id: fingerprint for slide_id, fingerprint in known if slide_id in slides}
    lines = [f"{fingerprints[slide_id]},{line}\n" for slide_id, part in slides.items() for line in part.lines]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
