"""What a reader has given: a session in numbers, the first labels, and every label of theirs to find and change.

A reader sees their own labels only; those of patches that wait to be read again are left out, so that the second read
stays blind.
"""

from __future__ import annotations

import statistics
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from db import event_log
from db import labels as rows
from db import sessions as queues
from db.labels import Alike, Given
from db.models import LabelSession, Project, Reader
from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.workflows.labelling.acts import Acts, own_session
from mmdnet.workflows.labelling.views import LabelAct, LabelRefused, PatchGrades, SessionPlan
from mmdnet.workflows.services import Services, must_get

FIRST_SLIDES, FIRST_PATCHES = 2, 10  # labels of so many slides and patches tell whether the question can be judged
LOOKED_AT = 200  # with more, nobody is asked any more whether it can


@dataclass(frozen=True, slots=True)
class GivenNumbers:
    """Labels in numbers.

    Attributes:
        patches: with a label, ignored ones among them.
        grades: how often each grade was given, by task name and grade.
        unknown_share: part 0-1 of the patches that are not ignored on which a task is unknown, by task name; None
            where all are ignored.
        pace_s: median seconds a patch, None where no time is known.
        minutes: of all patches together, None where no time is known.
    """

    patches: int
    ignored: int
    flagged: int
    grades: Mapping[str, Mapping[int, int]]
    unknown_share: Mapping[str, float | None]
    pace_s: float | None
    minutes: float | None

    @property
    def unknown(self) -> float | None:
        """Part 0-1 of all grades that could have been given and are unknown."""
        shares = [share for share in self.unknown_share.values() if share is not None]
        return statistics.fmean(shares) if shares else None


@dataclass(frozen=True, slots=True)
class FirstLook:
    """The first labels of a reader in a project: what they say of whether its question can be judged on its patches."""

    slides: int
    numbers: GivenNumbers


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """A reader's label as it stands; `position` is its place in the queue of `session_id`, None where it has none."""

    patch_id: int
    slide_id: int
    slide_name: str
    grades: Grades
    ignored: bool
    flagged: bool
    at: datetime
    session_id: int | None
    position: int | None


@dataclass(frozen=True)
class GivenLabels:
    """The newest of a reader's labels; `labels` are at most as many as asked for, `of` is how many there are to see,
    `read_again` how many are left out since they wait to be read again."""

    labels: tuple[GivenLabel, ...]
    of: int
    read_again: int


class Own:
    """Use cases reachable as `lab.labels.own`."""

    def __init__(self, services: Services, acts: Acts, after_labels: Callable[[int], object]) -> None:
        self._services = services
        self._acts = acts
        self._after_labels = after_labels

    def summary(self, session_id: int) -> GivenNumbers:
        """A session in numbers: the labels it has by now."""
        with self._services.db() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            return _numbers(rows.alike_in_session(session, session_id, row.reader_id))

    def first_look(self, project_id: int, reader_id: int) -> FirstLook | None:
        """What the reader's first labels say, once there are some of the second slide; None before, and where the
        reader has answered or gone on for long."""
        with self._services.db() as session:
            mine = queues.sessions_of(session, project_id, reader_id)
            if any(SessionPlan.of(row.plan).judgeable is not None for row in mine):
                return None
            given = rows.first_given(session, project_id, reader_id, LOOKED_AT + 1)
        slides = len({label.slide_id for label in given})
        if slides < FIRST_SLIDES or not FIRST_PATCHES <= len(given) <= LOOKED_AT:
            return None
        alone = [Alike(label.grades, label.ignored, label.flagged, label.took_ms, 1) for label in given]
        return FirstLook(slides, _numbers(alone))

    def answer(self, session_id: int, reader_id: int, judgeable: bool) -> None:
        """Keep whether the reader finds that the question can be judged on these patches.

        Raises:
            LabelRefused: it is not the reader's session.
        """
        with event_log.appending(self._services.db) as session:
            row = own_session(session, session_id, reader_id)
            row.plan = {**row.plan, "judgeable": judgeable}

    def labels(
        self,
        project_id: int,
        reader_id: int,
        which: str = "all",
        task: str | None = None,
        grade: int | None = None,
        most: int = 1000,
    ) -> GivenLabels:
        """The reader's labels as they stand, newest first.

        Args:
            which: all, flagged, ignored, or unknown (a task without a grade: of `task`, or any).
            task: with `grade`: only patches of that grade of it.

        Raises:
            LabelRefused: there is no such choice or task.
        """
        if which not in WHICH or task not in (None, *TASK_NAMES):
            raise LabelRefused(f"Labels can be listed as {', '.join(WHICH)}, of {', '.join(TASK_NAMES)}.")
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            must_get(session, Reader, reader_id, "reader")
            blind = queues.to_read_again(session, project_id, reader_id)
            given = [
                label for label in rows.given(session, project_id, reader_id) if _chosen(label, which, task, grade)
            ]
            seen = [label for label in given if label.patch_id not in blind]
            shown = seen[:most]
            places = queues.positions_of(session, [(label.session_id, label.patch_id) for label in shown])
        labels = tuple(
            GivenLabel(
                label.patch_id, label.slide_id, label.slide_name, label.grades, label.ignored, label.flagged, label.at,
                label.session_id, places.get((label.session_id, label.patch_id)),
            )
            for label in shown
        )  # fmt: skip
        return GivenLabels(labels, len(seen), len(given) - len(seen))

    def change(
        self,
        project_id: int,
        reader_id: int,
        patch_id: int,
        grades: Grades,
        ignored: bool = False,
        flagged: bool = False,
    ) -> None:
        """Give a patch of the list another label: in the session it was given in, or else as an act of its own.

        Raises:
            LabelRefused: the reader has no label there, it waits to be read again, or the label makes no sense.
        """
        with self._services.db() as session:
            blind = patch_id in queues.to_read_again(session, project_id, reader_id)
            stands = next(iter(rows.given(session, project_id, reader_id, patch_id)), None)
            place = (stands.session_id, patch_id) if stands else (None, patch_id)
            queued = bool(queues.positions_of(session, [place]))
        if stands is None or blind:
            raise LabelRefused("You have no label of this patch that can be changed here. Nothing was changed.")
        if (grades, ignored, flagged) == (stands.grades, stands.ignored, stands.flagged):
            return
        if not queued or stands.session_id is None:
            label = PatchGrades(patch_id, grades, ignored, flagged)
            self._acts.put_many(project_id, reader_id, [label], stands.session_id, shown={"view": "list"})
            self._after_labels(project_id)
            return
        same = (grades, ignored) == (stands.grades, stands.ignored)
        self._acts.put(
            LabelAct(
                key=f"list-{uuid.uuid4().hex}",
                session_id=stands.session_id,
                reader_id=reader_id,
                patch_id=patch_id,
                act="flag" if same else "ignore" if ignored else "grade",
                grades=dict(grades),
                ignored=ignored,
                flagged=flagged,
                shown={"view": "list"},
                based_on=stands.key,
            )
        )
        self._after_labels(project_id)


WHICH = ("all", "flagged", "ignored", "unknown")


def _chosen(label: Given, which: str, task: str | None, grade: int | None) -> bool:
    if task is not None and grade is not None and label.grades[task] != grade:
        return False
    if which == "unknown":
        names = TASK_NAMES if task is None else (task,)
        return not label.ignored and any(label.grades[name] is None for name in names)
    return {"all": True, "flagged": label.flagged, "ignored": label.ignored}[which]


def _numbers(given: Sequence[Alike]) -> GivenNumbers:
    graded = [same for same in given if not same.ignored]
    labels, assessed = (sum(same.labels for same in parts) for parts in (given, graded))
    counts = {name: _counts(graded, name) for name in TASK_NAMES}
    timed = [(same.took_ms, same.labels) for same in given if same.took_ms is not None]
    times = np.repeat(*np.array(timed, int).reshape(-1, 2).T)
    return GivenNumbers(
        patches=labels,
        ignored=labels - assessed,
        flagged=sum(same.labels for same in given if same.flagged),
        grades={
            name: dict(sorted((grade, labels) for grade, labels in counted.items() if grade is not None))
            for name, counted in counts.items()
        },
        unknown_share={name: counted[None] / assessed if assessed else None for name, counted in counts.items()},
        pace_s=float(np.median(times)) / 1000 if len(times) else None,
        minutes=float(times.sum()) / 60_000 if len(times) else None,
    )


def _counts(given: Sequence[Alike], task: str) -> Counter[int | None]:
    counted: Counter[int | None] = Counter()
    for same in given:
        counted[same.grades[task]] += same.labels
    return counted
