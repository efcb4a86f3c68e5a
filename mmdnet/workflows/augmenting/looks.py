"""A blinded look: real and synthetic patches in one order, and a reader who is not told says which, and the grade.

Both come through one encoder, so that no file tells them apart. The order is the reader's own and stays as it is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from db import event_log
from db import synthetic as rows
from db.models import Augmentation, Patch, Reader, Slide, SyntheticLook, SyntheticPatch
from mmdnet.errors import LabError
from mmdnet.labels.grading import task
from mmdnet.workflows.augmenting.making import png_of
from mmdnet.workflows.augmenting.views import LOOK_WAITS, LooksResult, LookState
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.pictures import patch_rgb
from mmdnet.workflows.training.synthetic import read_png, synthetic_file

OF_EACH_KIND = 20


@dataclass(frozen=True, slots=True)
class LookedAt:
    """One patch of the look: a real one, or a synthetic one; exactly one of the two numbers is given."""

    patch_id: int | None
    synthetic_id: int | None


class BlindedLooks:
    """Use cases reachable as `lab.augmenting.looks`."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def state(self, augmentation_id: int, reader_id: int) -> LookState:
        """How far this reader is; no patches where none has passed the gate.

        Raises:
            LabError: the batch is still being made: more patches would change the order.
        """
        self._check_made(augmentation_id)
        with self._services.db() as session:
            batch = must_get(session, Augmentation, augmentation_id, "batch of synthetic patches")
            order, place = _order(session, augmentation_id, reader_id)
            done = sum(_said(session, augmentation_id, reader_id).values())
            return LookState(batch.choices["task"], done, len(order), place)

    def picture(self, augmentation_id: int, reader_id: int, place: int) -> bytes:
        """The patch at this place of the reader's order, as a PNG.

        Raises:
            LabError: there is no such place, the patch cannot be read, or the batch is still being made.
        """
        self._check_made(augmentation_id)
        with self._services.db() as session:
            order, _ = _order(session, augmentation_id, reader_id)
            if not 0 <= place < len(order):
                raise LabError(f"There are {len(order)} patches to look at, and none with the number {place}.")
            return png_of(self._pixels(session, order[place]))

    def put(self, augmentation_id: int, reader_id: int, place: int, said_synthetic: bool, grade: int | None) -> None:
        """Keep what the reader says of the patch that is due.

        Args:
            place: of the patch it is said of.
            grade: of the batch's task; None where it cannot be told.

        Raises:
            LabError: another patch is due by now, the grade is none of the task's, or the batch is still being made;
                nothing was kept.
        """
        self._check_made(augmentation_id)
        with event_log.appending(self._services.db) as session:  # one at a time: of two presses at once one is refused
            batch = must_get(session, Augmentation, augmentation_id, "batch of synthetic patches")
            must_get(session, Reader, reader_id, "reader")
            graded = task(batch.choices["task"])
            if grade is not None and not 0 <= grade <= graded.highest:
                raise LabError(f"{graded.title} has no grade {grade}. Nothing was kept.")
            order, due = _order(session, augmentation_id, reader_id)
            if place != due:
                raise LabError("Another patch is due by now, so this was not taken. Nothing was changed.")
            session.add(
                SyntheticLook(
                    augmentation_id=augmentation_id,
                    reader_id=reader_id,
                    patch_id=order[place].patch_id,
                    synthetic_id=order[place].synthetic_id,
                    said_synthetic=said_synthetic,
                    grade=grade,
                )
            )

    def take_back(self, augmentation_id: int, reader_id: int) -> None:
        """Forget the last thing this reader said, so that its patch is due again.

        Raises:
            LabError: the reader has said nothing yet.
        """
        with self._services.db.begin() as session:
            said = rows.looks_of_reader(session, augmentation_id, reader_id)
            if not said:
                raise LabError("There is nothing to take back.")
            session.delete(said[-1])

    def result(self, augmentation_id: int, reader_id: int | None = None) -> LooksResult:
        """What was said so far by one reader, or by all; a reader's own before the end would tell them too much.

        Raises:
            LabError: this reader's look is not at its end.
        """
        with self._services.db() as session:
            batch = must_get(session, Augmentation, augmentation_id, "batch of synthetic patches")
            if reader_id is None:
                said = rows.looks_of(session, [augmentation_id])
            else:
                if _order(session, augmentation_id, reader_id)[1] is not None:
                    raise LabError("This look is not at its end yet; then its table stands here.")
                said = rows.looks_of_reader(session, augmentation_id, reader_id)
            children = rows.children_of(session, augmentation_id)
            graded_as = {child.parent_id: child.grades for child in children}
            parent_of = {child.id: child.parent_id for child in children}
        name = batch.choices["task"]
        grades: dict[bool, Counter[tuple[int, int | None]]] = {False: Counter(), True: Counter()}
        for look in said:
            parent = parent_of[look.synthetic_id] if look.synthetic_id is not None else look.patch_id
            assert parent is not None
            grades[look.synthetic_id is not None][graded_as[parent].get(name, 0), look.grade] += 1
        confusion = Counter((look.synthetic_id is not None, look.said_synthetic) for look in said)
        readers = len({look.reader_id for look in said})
        return LooksResult(name, readers, confusion, grades[False], grades[True])

    def _check_made(self, augmentation_id: int) -> None:
        with self._services.db() as session:
            job_id = must_get(session, Augmentation, augmentation_id, "batch of synthetic patches").job_id
        if job_id is not None and self._jobs.get(job_id).active:
            raise LabError(f"{LOOK_WAITS} Nothing was changed.")

    def _pixels(self, session: Session, item: LookedAt) -> np.ndarray:
        if item.synthetic_id is not None:
            child = must_get(session, SyntheticPatch, item.synthetic_id, "synthetic patch")
            settings = self._services.settings
            return read_png(synthetic_file(settings, child.augmentation_id, child.parent_id, child.number))
        patch = session.get_one(Patch, item.patch_id)
        return patch_rgb(must_get(session, Slide, patch.slide_id, "slide"), patch, self._services.settings)


def _said(session: Session, augmentation_id: int, reader_id: int) -> Counter[LookedAt]:
    looks = rows.looks_of_reader(session, augmentation_id, reader_id)
    return Counter(LookedAt(look.patch_id, look.synthetic_id) for look in looks)


def _order(session: Session, augmentation_id: int, reader_id: int) -> tuple[Sequence[LookedAt], int | None]:
    """The patches a reader looks at, and the place of the first that nothing was said of.

    As many real ones as synthetic ones, which all have passed the gate; the real ones are parents, first those none of
    whose children is shown.
    """

    def drawn(*what: object) -> bytes:
        return hashlib.sha256(repr((augmentation_id, reader_id, *what)).encode()).digest()

    children = rows.children_of(session, augmentation_id)
    passed = sorted(
        (child for child in children if child.judged and child.refused is None), key=lambda c: drawn(1, c.id)
    )
    shown = passed[:OF_EACH_KIND]
    seen = {child.parent_id for child in shown}
    parents = sorted({child.parent_id for child in children}, key=lambda key: (key in seen, drawn(0, key)))
    real = parents[: len(shown)]
    order = [LookedAt(None, child.id) for child in shown] + [LookedAt(key, None) for key in real]
    order.sort(key=lambda item: drawn(2, item.patch_id, item.synthetic_id))
    said = _said(session, augmentation_id, reader_id)
    return order, next((place for place, item in enumerate(order) if item not in said), None)
