"""How far readers agree: with each other, with the consensus of the others, with a model, and with themselves.

Only blind readings count: a label given to settle a disagreement was given with the others' in view, and one given
while a suggestion stood beside the patch is left out where it would be compared with the model.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import consensus as rules
from db import readings
from db.blind_table import BlindTable, blind_table
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
from mmdnet.labels.grading import TASK_NAMES, TASKS, UNKNOWN, Grades
from mmdnet.slides.identity import person
from mmdnet.workflows.labelling.agreement_views import AgreementView, Comparison, GradedTwice, GroupAgreement
from mmdnet.workflows.scoring.predictions import PatchPredictions, Predictions
from mmdnet.workflows.services import Services, must_get

PROJECTS_KEPT = 4
MANY = 3  # readers from which on the consensus of the others is more than one other reader


@dataclass(frozen=True)
class PairedReadings:
    """Patches that two sides graded: patches and slides (patches,), grades (patches, 2, tasks), -1 where unknown."""

    kind: str
    first: str
    second: str
    key: str
    patches: np.ndarray
    slides: np.ndarray
    grades: np.ndarray
    left_out: int = 0

    def table(self, task: str) -> np.ndarray:
        """Grades of a task, shape (patches, 2); -1 where unknown."""
        return self.grades[:, :, TASK_NAMES.index(task)]


@dataclass(frozen=True)
class _Readings:
    """A project's blind readings and what else they are held against."""

    readers: dict[int, str]
    blind: BlindTable
    settled: list[Reading]
    repeats: list[tuple[Reading, Reading]]
    clusters: dict[int, str]
    by_patient: bool

    @property
    def order(self) -> list[int]:
        """The readers with blind readings, by id."""
        return np.unique(self.blind.reader).tolist()

    def drawn_whole(self, slides: np.ndarray) -> np.ndarray:
        """Which patient (or slide, where not every slide has one) each of these slides is of, as numbers, (slides,)."""
        known, place = np.unique(slides, return_inverse=True)
        names = [self.clusters[slide] for slide in known.tolist()]
        return np.unique(names, return_inverse=True)[1][place]


@dataclass(frozen=True)
class _Kept:
    """A project's agreement and the grades behind it, by comparison, while what they depend on (`mark`) stands."""

    mark: _Mark
    view: AgreementView
    pairs: Mapping[str, PairedReadings]


class Agreement:
    """Use cases reachable as `lab.labels.agreement`."""

    def __init__(self, services: Services, predictions: Predictions) -> None:
        self._services = services
        self._predictions = predictions
        self._kept: dict[int, _Kept] = {}
        self._told: dict[int, _Told] = {}

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
        model = self._against_model(project_id, collected, mark)
        pairs = [*sides, *model]
        view = AgreementView(
            comparisons=tuple(made for pair in pairs for made in _compare(pair, collected)),
            groups=tuple(_groups(collected)),
            rule=rule.rule,
            readers=tuple(collected.readers[reader] for reader in _first_come(collected.blind)),
            learnt_from=sum(pair.left_out for pair in model),
        )
        made = _Kept(mark, view, {pair.key: pair for pair in pairs})
        self._kept = dict([*self._kept.items(), (project_id, made)][-PROJECTS_KEPT:])
        return made

    def graded_twice(
        self, project_id: int, reader_id: int, key: str, task: str, first: int, second: int
    ) -> GradedTwice:
        """The patches of one cell of a comparison's matrix, as far as this reader may see them.

        Shown are patches the reader has graded and is not about to grade again; of the others only how many.
        """
        pair = self._of(project_id).pairs.get(key)
        if pair is None:
            return GradedTwice((), 0)
        with self._services.db() as session:
            may_see = readings.may_see(session, project_id, reader_id)
        patches = pair.patches[(pair.table(task) == [first, second]).all(axis=1)].tolist()
        shown = tuple(patch for patch in patches if patch in may_see)
        return GradedTwice(shown, len(patches) - len(shown))

    def _against_model(self, project_id: int, collected: _Readings, mark: _Mark) -> list[PairedReadings]:
        """Each reader against the model that scored most of these slides, on slides it has not learnt from."""
        slides = np.unique(collected.blind.slide)
        asked = (mark.scores, slides.tobytes())
        told = self._told.get(project_id)
        if told is None or told.asked != asked:
            told = _told(asked, self._predictions.of_slides(slides.tolist()))
            self._told = dict([*self._told.items(), (project_id, told)][-PROJECTS_KEPT:])
        if told.model_id is None:
            return []
        learnt = np.array(sorted(self._learnt_slides(told.model_id)), np.int64)
        made = []
        for reader in _first_come(collected.blind):
            own = collected.blind.of_reader(reader)
            seen = np.isin(own.slide, learnt)
            alone = own.rows(own.alone & ~seen)
            patches, first, second = np.intersect1d(alone.patch, told.patches, True, return_indices=True)
            made.append(
                PairedReadings(
                    "model",
                    collected.readers[reader],
                    told.model_name,
                    f"model-{reader}-{told.model_id}",
                    patches,
                    alone.slide[first],
                    np.stack([alone.grades[first], told.grades[second]], axis=1),
                    left_out=int(seen.sum()),
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


class _Mark(NamedTuple):
    """What a project's agreement depends on."""

    labels: str
    rule: tuple[str, int | None]
    scores: tuple[object, ...]
    answers: int | None
    readers: tuple[object, ...]
    slides: tuple[object, ...]


def _mark(session: Session, project_id: int) -> _Mark:
    """Found by a handful of questions, however many labels there are."""
    rule = rules.of_project(session, project_id)
    scores = select(func.count(), func.max(Score.id)).join(Slide, Slide.id == Score.slide_id)
    slides = select(Slide.id, Slide.patient, Slide.site).where(Slide.project_id == project_id).order_by(Slide.id)
    return _Mark(
        last_hash(session),
        (rule.rule, rule.reader_id),
        tuple(session.execute(scores.where(Slide.project_id == project_id)).one()),
        session.scalar(select(func.max(PatientAnswer.id)).where(PatientAnswer.project_id == project_id)),
        tuple(session.execute(select(Reader.id, Reader.name, Reader.same_as).order_by(Reader.id)).tuples()),
        tuple(session.execute(slides).tuples()),
    )


def _read(session: Session, project_id: int) -> _Readings:
    slides = session.scalars(select(Slide).where(Slide.project_id == project_id)).all()
    blind = blind_table(session, project_id)
    used = np.unique(blind.slide).tolist()
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
    order = collected.order
    made = [_of_two(collected, reader, other) for reader, other in combinations(order, 2)]
    givers = {*order, *(reading.reader_id for reading in collected.settled)}
    if len(givers) >= MANY:
        made += [_with_others(collected, reader, rule) for reader in order]
    made += [_with_oneself(collected, reader) for reader in sorted({again.reader_id for _, again in collected.repeats})]
    return [pair for pair in made if len(pair.patches)]


def _of_two(collected: _Readings, reader: int, other: int) -> PairedReadings:
    one, two = collected.blind.of_reader(reader), collected.blind.of_reader(other)
    patches, first, second = np.intersect1d(one.patch, two.patch, True, return_indices=True)
    return PairedReadings(
        "readers",
        collected.readers[reader],
        collected.readers[other],
        f"readers-{reader}-{other}",
        patches,
        one.slide[first],
        np.stack([one.grades[first], two.grades[second]], axis=1),
    )


def _with_others(collected: _Readings, reader: int, rule: rules.Rule) -> PairedReadings:
    """A reader against the consensus of all the others; what the reader settled is left out with the rest."""
    own = collected.blind.of_reader(reader)
    others = collected.blind.rows((collected.blind.reader != reader) & np.isin(collected.blind.patch, own.patch))
    votes: dict[int, list[Vote]] = defaultdict(list)
    columns = (others.id, others.reader, others.patch, others.grades, others.ignored)
    for event, giver, patch, grades, ignored in zip(*(column.tolist() for column in columns), strict=True):
        votes[patch].append(Vote(event, giver, _grades(grades), ignored, False))
    for settled in collected.settled:
        if settled.reader_id != reader:
            votes[settled.patch_id].append(
                Vote(settled.id, settled.reader_id, settled.grades, settled.ignored, adjudicated=True)
            )
    both = np.flatnonzero(np.isin(own.patch, list(votes)))
    agreed = [consensus(votes[patch], rule.rule, rule.reader_id).grades for patch in own.patch[both].tolist()]
    return PairedReadings(
        "consensus",
        collected.readers[reader],
        "the others' consensus",
        f"consensus-{reader}",
        own.patch[both],
        own.slide[both],
        np.stack([own.grades[both], _numbers(agreed)], axis=1),
    )


def _with_oneself(collected: _Readings, reader: int) -> PairedReadings:
    own = [(before, again) for before, again in collected.repeats if again.reader_id == reader]
    return PairedReadings(
        "repeat",
        f"{collected.readers[reader]}, first read",
        "repeat read",
        f"repeat-{reader}",
        np.array([again.patch_id for _, again in own], np.int64),
        np.array([again.slide_id for _, again in own], np.int64),
        np.stack([_numbers([pair[side].grades for pair in own]) for side in (0, 1)], axis=1),
    )


def _compare(pair: PairedReadings, collected: _Readings) -> Iterable[Comparison]:
    for task in TASKS:
        table = pair.table(task.name)
        both = (table != UNKNOWN).all(axis=1)
        if not both.any():
            continue
        clusters = collected.drawn_whole(pair.slides)[both]
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
    blind, order = collected.blind, np.array(collected.order)
    if len(order) < MANY:
        return
    patches, first, row = np.unique(blind.patch, return_index=True, return_inverse=True)
    clusters = collected.drawn_whole(blind.slide[first])
    for place, task in enumerate(TASKS):
        table = np.full((len(patches), len(order)), UNKNOWN, np.int64)
        table[row, np.searchsorted(order, blind.reader)] = blind.grades[:, place]
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


def _first_come(blind: BlindTable) -> list[int]:
    """The readers by who gave the first of these readings."""
    readers, first = np.unique(blind.reader[np.argsort(blind.id)], return_index=True)
    return readers[np.argsort(first)].tolist()


def _grades(numbers: Sequence[int]) -> Grades:
    return Grades.from_values(None if number == UNKNOWN else number for number in numbers)


def _numbers(grades: Sequence[Grades]) -> np.ndarray:
    """Grades as numbers, -1 where unknown, int8 (rows, tasks)."""
    return np.array([given.as_numbers for given in grades], np.int8).reshape(-1, len(TASK_NAMES))


class _Told(NamedTuple):
    """The likeliest grades a model gave: patches (patches,) in order, grades (patches, tasks), -1 where it gave none.

    `asked` is what it was asked for: while that stands, no score is read again.
    """

    asked: tuple[object, ...]
    model_id: int | None
    model_name: str
    patches: np.ndarray
    grades: np.ndarray


def _told(asked: tuple[object, ...], predicted: Sequence[PatchPredictions]) -> _Told:
    if not predicted:
        return _Told(asked, None, "", np.empty(0, np.int64), np.empty((0, len(TASK_NAMES)), np.int8))
    patches = np.concatenate([of_slide.patch_id for of_slide in predicted])
    grades = np.concatenate([_likeliest(of_slide) for of_slide in predicted])
    known = np.flatnonzero((grades != UNKNOWN).any(axis=1))
    known = known[np.argsort(patches[known])]
    return _Told(asked, predicted[0].model_id, predicted[0].model_name, patches[known], grades[known])


def _likeliest(of_slide: PatchPredictions) -> np.ndarray:
    """The likeliest grade of each patch and task, int8 (patches, tasks); -1 where the model has none."""
    grades = np.full((len(of_slide.patch_id), len(TASK_NAMES)), UNKNOWN, np.int8)
    for place, name in enumerate(TASK_NAMES):
        if name in of_slide.probabilities:
            shares = of_slide.probabilities[name]
            known = np.isfinite(shares).all(axis=1)
            grades[known, place] = shares[known].argmax(axis=1)
    return grades
