"""How far readers agree: with each other, with the consensus of the others, with a model, and with themselves.

Only blind readings count: a label given to settle a disagreement was given with the others' in view, and one given
while a suggestion stood beside the patch is left out where it would be compared with the model.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import consensus as rules
from db import readings
from db.labels import last_hash
from db.models import Model, PatientAnswer, Project, Reader, Score, Slide
from db.projects import patient_answers
from db.readings import Reading
from mmdnet.labels.agreement import (
    FEWEST_CLUSTERS,
    OF_MANY,
    OF_TWO,
    confusion,
    estimates,
)
from mmdnet.labels.consensus import Vote, consensus
from mmdnet.labels.grading import TASKS, UNKNOWN, Grades
from mmdnet.slides.identity import person
from mmdnet.workflows.labelling.agreement_views import AgreementView, Comparison, GradedTwice, GroupAgreement
from mmdnet.workflows.scoring.predictions import PatchPredictions, Predictions
from mmdnet.workflows.services import Services, must_get

PROJECTS_KEPT = 4
MANY = 3  # readers from which on the consensus of the others is more than one other reader


@dataclass(frozen=True)
class PairedReadings:
    """Patches that two sides graded, each with both sides' grades by task."""

    kind: str
    first: str
    second: str
    key: str
    patches: Sequence[int]
    slides: Sequence[int]
    grades: Sequence[tuple[Grades, Grades]]
    left_out: int = 0

    def table(self, task: str) -> np.ndarray:
        """Grades of a task, shape (patches, 2); -1 where unknown."""
        rows = [[_number(side[task]) for side in both] for both in self.grades]
        return np.array(rows, dtype=np.int64).reshape(-1, 2)


@dataclass
class _Readings:
    """A project's blind readings and what else they are held against."""

    readers: dict[int, str]
    blind: list[Reading]
    settled: list[Reading]
    repeats: list[tuple[Reading, Reading]]
    clusters: dict[int, str]
    by_patient: bool
    by_reader: dict[int, dict[int, Reading]] = field(init=False)
    slide_of: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.by_reader = defaultdict(dict)
        self.slide_of = {}
        for reading in self.blind:
            self.slide_of[reading.patch_id] = reading.slide_id
            self.by_reader[reading.reader_id][reading.patch_id] = reading


@dataclass(frozen=True)
class _Cells:
    """What is kept of a comparison: its patches (patches,) and both sides' grades by task, (patches, 2)."""

    patches: np.ndarray
    tables: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class _Kept:
    """A project's agreement and the cells behind it, by comparison, while what they depend on (`mark`) stands."""

    mark: tuple[object, ...]
    view: AgreementView
    cells: Mapping[str, _Cells]


class Agreement:
    """Use cases reachable as `lab.labels.agreement`."""

    def __init__(self, services: Services, predictions: Predictions) -> None:
        self._services = services
        self._predictions = predictions
        self._kept: dict[int, _Kept] = {}

    def of_project(self, project_id: int) -> AgreementView:
        """Every comparison there is to be made in a project, per task, with 95 % bootstrap intervals.

        Worked out anew only when a label, a score, the rule, a reader's name or a slide's patient has changed.
        """
        return self._of(project_id).view

    def _of(self, project_id: int) -> _Kept:
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            mark = _mark(session, project_id)
            known = self._kept.get(project_id)
            if known is not None and known.mark == mark:
                return known
            collected = _read(session, project_id)
            rule = rules.of_project(session, project_id)
            sides = _all_sides(collected, rule)
        model = self._against_model(collected)
        pairs = [*sides, *model]
        view = AgreementView(
            comparisons=tuple(made for pair in pairs for made in _compare(pair, collected)),
            groups=tuple(_groups(collected)),
            rule=rule.rule,
            readers=tuple(collected.readers[reader] for reader in collected.by_reader),
            learnt_from=sum(pair.left_out for pair in model),
        )
        made = _Kept(mark, view, {pair.key: _cells(pair) for pair in pairs})
        self._kept = dict([*self._kept.items(), (project_id, made)][-PROJECTS_KEPT:])
        return made

    def graded_twice(
        self, project_id: int, reader_id: int, key: str, task: str, first: int, second: int
    ) -> GradedTwice:
        """The patches of one cell of a comparison's matrix, as far as this reader may see them.

        Shown are patches the reader has graded and is not about to grade again; of the others only how many.
        """
        cells = self._of(project_id).cells.get(key)
        if cells is None:
            return GradedTwice((), 0)
        with self._services.db() as session:
            may_see = readings.may_see(session, project_id, reader_id)
        patches = cells.patches[(cells.tables[task] == [first, second]).all(axis=1)].tolist()
        shown = tuple(patch for patch in patches if patch in may_see)
        return GradedTwice(shown, len(patches) - len(shown))

    def _against_model(self, collected: _Readings) -> list[PairedReadings]:
        """Each reader against the model that scored most of these slides, on slides it has not learnt from."""
        predicted = self._predictions.of_slides(sorted(set(collected.slide_of.values())))
        if not predicted:
            return []
        learnt = self._learnt_slides(predicted[0].model_id)
        read = np.fromiter(collected.slide_of, np.int64, len(collected.slide_of))
        told: dict[int, Grades] = {}
        for of_slide in predicted:
            if of_slide.slide_id not in learnt:
                told |= _told(of_slide, read)
        made = []
        for reader, own in collected.by_reader.items():
            alone = {patch: reading for patch, reading in own.items() if reading.suggestion is None}
            both = sorted(set(alone) & set(told))
            made.append(
                PairedReadings(
                    "model",
                    collected.readers[reader],
                    predicted[0].model_name,
                    f"model-{reader}-{predicted[0].model_id}",
                    both,
                    [collected.slide_of[patch] for patch in both],
                    [(own[patch].grades, told[patch]) for patch in both],
                    left_out=sum(collected.slide_of[patch] in learnt for patch in own),
                )
            )
        return made

    def _learnt_slides(self, model_id: int) -> set[int]:
        """Slides a model was trained on: all of them where its training cannot be read any more."""
        with self._services.db() as session:
            run_id = session.get_one(Model, model_id).run_id
            if run_id is None:
                return set()
            every = set(session.scalars(select(Slide.id)))
        path = self._services.settings.folder("runs") / str(run_id) / "split.json"
        try:
            return set(json.loads(path.read_text())["train"])
        except (OSError, ValueError, KeyError, TypeError):
            return every


def _mark(session: Session, project_id: int) -> tuple[object, ...]:
    """What a project's agreement depends on, found by a handful of questions however many labels there are."""
    rule = rules.of_project(session, project_id)
    scores = select(func.count(), func.max(Score.id)).join(Slide, Slide.id == Score.slide_id)
    slides = select(Slide.id, Slide.patient, Slide.site).where(Slide.project_id == project_id).order_by(Slide.id)
    return (
        last_hash(session),
        (rule.rule, rule.reader_id),
        tuple(session.execute(scores.where(Slide.project_id == project_id)).one()),
        session.scalar(select(func.max(PatientAnswer.id)).where(PatientAnswer.project_id == project_id)),
        tuple(session.execute(select(Reader.id, Reader.name, Reader.same_as).order_by(Reader.id)).tuples()),
        tuple(session.execute(slides).tuples()),
    )


def _cells(pair: PairedReadings) -> _Cells:
    return _Cells(
        np.array(pair.patches, dtype=np.int64), {task.name: pair.table(task.name).astype(np.int8) for task in TASKS}
    )


def _read(session: Session, project_id: int) -> _Readings:
    slides = session.scalars(select(Slide).where(Slide.project_id == project_id)).all()
    blind = readings.blind(session, project_id)
    used = {reading.slide_id for reading in blind}
    answers = patient_answers(session, project_id)
    persons = {slide.id: person(slide.patient, slide.site, answers) for slide in slides}
    by_patient = all(persons[slide_id] for slide_id in used)
    return _Readings(
        readers={reader.id: reader.name for reader in session.scalars(select(Reader).order_by(Reader.name))},
        blind=blind,
        settled=readings.settled(session, project_id),
        repeats=readings.repeats(session, project_id),
        clusters={number: who if by_patient and who else str(number) for number, who in persons.items()},
        by_patient=by_patient,
    )


def _all_sides(collected: _Readings, rule: rules.Rule) -> list[PairedReadings]:
    made = [_of_two(collected, reader, other) for reader, other in combinations(sorted(collected.by_reader), 2)]
    givers = set(collected.by_reader) | {reading.reader_id for reading in collected.settled}
    if len(givers) >= MANY:
        made += [_with_others(collected, reader, rule) for reader in sorted(collected.by_reader)]
    made += [_with_oneself(collected, reader) for reader in sorted({again.reader_id for _, again in collected.repeats})]
    return [pair for pair in made if pair.patches]


def _of_two(collected: _Readings, reader: int, other: int) -> PairedReadings:
    first, second = collected.by_reader[reader], collected.by_reader[other]
    both = sorted(set(first) & set(second))
    return PairedReadings(
        "readers",
        collected.readers[reader],
        collected.readers[other],
        f"readers-{reader}-{other}",
        both,
        [collected.slide_of[patch] for patch in both],
        [(first[patch].grades, second[patch].grades) for patch in both],
    )


def _with_others(collected: _Readings, reader: int, rule: rules.Rule) -> PairedReadings:
    """A reader against the consensus of all the others; what the reader settled is left out with the rest."""
    votes: dict[int, list[Vote]] = defaultdict(list)
    for settled, given in ((False, collected.blind), (True, collected.settled)):
        for reading in given:
            if reading.reader_id != reader:
                votes[reading.patch_id].append(
                    Vote(reading.id, reading.reader_id, reading.grades, reading.ignored, settled)
                )
    own = collected.by_reader[reader]
    agreed = {patch: consensus(votes[patch], rule.rule, rule.reader_id) for patch in own if patch in votes}
    both = sorted(agreed)
    return PairedReadings(
        "consensus",
        collected.readers[reader],
        "the others' consensus",
        f"consensus-{reader}",
        both,
        [collected.slide_of[patch] for patch in both],
        [(own[patch].grades, agreed[patch].grades) for patch in both],
    )


def _with_oneself(collected: _Readings, reader: int) -> PairedReadings:
    own = [(before, again) for before, again in collected.repeats if again.reader_id == reader]
    return PairedReadings(
        "repeat",
        f"{collected.readers[reader]}, first read",
        "repeat read",
        f"repeat-{reader}",
        [again.patch_id for _, again in own],
        [again.slide_id for _, again in own],
        [(before.grades, again.grades) for before, again in own],
    )


def _compare(pair: PairedReadings, collected: _Readings) -> Iterable[Comparison]:
    for task in TASKS:
        table = pair.table(task.name)
        both = (table != UNKNOWN).all(axis=1)
        if not both.any():
            continue
        clusters = np.array([collected.clusters[slide] for slide in pair.slides])[both]
        counts = confusion(table[both], len(task.grades))
        yield Comparison(
            key=pair.key,
            kind=pair.kind,
            task=task.name,
            first=pair.first,
            second=pair.second,
            counts=tuple(tuple(int(n) for n in row) for row in counts),
            estimates=estimates(OF_TWO, table[both], len(task.grades), clusters),
            drawn=_drawn(clusters, collected.by_patient),
        )


def _groups(collected: _Readings) -> Iterable[GroupAgreement]:
    """All readers together, per task, where there are three or more."""
    order = sorted(collected.by_reader)
    if len(order) < MANY:
        return
    patches = sorted(collected.slide_of)
    clusters = np.array([collected.clusters[collected.slide_of[patch]] for patch in patches])
    for task in TASKS:
        rows = [[_grade(collected.by_reader[reader].get(patch), task.name) for reader in order] for patch in patches]
        table = np.array(rows, dtype=np.int64).reshape(-1, len(order))
        yield GroupAgreement(
            task=task.name,
            readers=len(order),
            shared=int(((table != UNKNOWN).sum(axis=1) >= 2).sum()),
            by_all=int((table != UNKNOWN).all(axis=1).sum()),
            estimates=estimates(OF_MANY, table, len(task.grades), clusters),
            drawn=_drawn(clusters, collected.by_patient),
        )


def _drawn(clusters: np.ndarray, by_patient: bool) -> str:
    """What the bootstrap draws: patients or slides where there are enough, else patches."""
    if len(np.unique(clusters)) < FEWEST_CLUSTERS:
        return "patches"
    return "patients" if by_patient else "slides"


def _grade(reading: Reading | None, task: str) -> int:
    return UNKNOWN if reading is None else _number(reading.grades[task])


def _number(grade: int | None) -> int:
    return UNKNOWN if grade is None else int(grade)


def _told(of_slide: PatchPredictions, read: np.ndarray) -> dict[int, Grades]:
    """The likeliest grade by patch and task, of those patches (patches,) that were read, where the model has one."""
    likeliest: dict[int, dict[str, int | None]] = {}
    wanted = np.isin(of_slide.patch_id, read)
    for name, shares in of_slide.probabilities.items():
        known = np.isfinite(shares).all(axis=1) & wanted
        grades = shares[known].argmax(axis=1).tolist()
        for patch, grade in zip(of_slide.patch_id[known].tolist(), grades, strict=True):
            likeliest.setdefault(patch, {})[name] = grade
    return {patch: Grades(**grades) for patch, grades in likeliest.items()}
