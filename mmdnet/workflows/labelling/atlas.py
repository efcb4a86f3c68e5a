"""The atlas: exemplars of each grade, chosen from the project's consensus labels, and drawn ones till there are enough.

An exemplar tells its grade. So none is shown that its reader has yet to grade, and one that was shown is never asked of
that reader afterwards. A drawn one is no patch of any slide: the simulator's, with known truth.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from db import atlas as rows
from db import labels as label_rows
from db import readings
from db import sessions as queues
from db.models import LabelSession
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASKS
from mmdnet.simulate.recipes import DRAWN
from mmdnet.workflows.labelling import label_sets
from mmdnet.workflows.labelling.views import LabelChoice, LabelRow
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.pictures import encode_jpeg

WANTED = 3  # exemplars of each grade


@dataclass(frozen=True, slots=True)
class Exemplars:
    """Patches that show one grade, how many more are needed to have `WANTED` of them, and how many can be drawn."""

    patches: tuple[int, ...]
    missing: int
    drawn: int


class Atlas:
    """Use cases reachable as `lab.labels.atlas`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._consensus = lru_cache(maxsize=4)(self._read)

    def exemplars(self, session_id: int) -> dict[str, dict[int, Exemplars]]:
        """Per task and grade the exemplars that the reader of this label session may see now.

        Those of others' grades are kept as shown to that reader, and are not asked of them from then on.

        Raises:
            LabError: there is no such label session.
        """
        with self._services.db.begin() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            agreed = self._consensus(row.project_id, label_rows.last_hash(session))
            own = readings.may_see(session, row.project_id, row.reader_id)
            asked = queues.queued_for(session, row.project_id, row.reader_id)
            known = own | label_rows.labelled_patches(session, row.project_id, row.reader_id)
            allowed = [label for label in agreed if label.patch_id in own or label.patch_id not in asked | known]
            before = rows.shown_to(session, row.reader_id)
            by_task = {task.name: _of_task(task.name, len(task.grades), allowed, own | before) for task in TASKS}
            patches = {
                patch for grades in by_task.values() for exemplars in grades.values() for patch in exemplars.patches
            }
            rows.keep_shown(session, row.reader_id, patches - own)
        return by_task

    def drawn(self, task: str, grade: int, number: int) -> bytes:
        """A drawn exemplar that stands in where the lab has none of its own, as JPEG.

        Args:
            number: of `WANTED`, from 0.

        Raises:
            LabError: the simulator draws no such feature or grade, or so many are not shown.
        """
        if not 0 <= number < WANTED:
            raise LabError(f"The atlas has {WANTED} drawn exemplars of a grade at most.")
        return _drawn_jpeg(task, grade, number)

    def _read(self, project_id: int, log_state: str) -> tuple[LabelRow, ...]:
        """The project's consensus labels; `log_state` makes them be read anew when a label has changed."""
        with self._services.db() as session:
            return label_sets.build(session, project_id, LabelChoice()).rows


@lru_cache(maxsize=64)
def _drawn_jpeg(task: str, grade: int, number: int) -> bytes:
    from mmdnet.simulate.exemplars import drawn_exemplar

    return encode_jpeg(drawn_exemplar(task, grade, number))


def _of_task(task: str, grades: int, agreed: Iterable[LabelRow], first: set[int]) -> dict[int, Exemplars]:
    by_grade: dict[int, list[LabelRow]] = defaultdict(list)
    for row in agreed:
        grade = row.grades[task]
        if grade is not None:
            by_grade[grade].append(row)
    exemplars, can_be_drawn = {}, task in DRAWN
    for grade in range(grades):
        patches = _chosen(by_grade[grade], first)
        missing = max(0, WANTED - len(patches))
        exemplars[grade] = Exemplars(patches, missing, missing if can_be_drawn else 0)
    return exemplars


def _chosen(rows_of_grade: list[LabelRow], first: set[int]) -> tuple[int, ...]:
    """At most `WANTED`, from different slides as far as there are; those of `first` before others, else by lot.

    The lot depends on nothing but the patch, so the same ones are shown tomorrow.
    """
    turn: dict[int, int] = defaultdict(int)
    ranked = []
    for row in sorted(rows_of_grade, key=lambda row: (row.patch_id not in first, _lot(row.patch_id))):
        ranked.append((turn[row.slide_id], row.patch_id not in first, _lot(row.patch_id), row.patch_id))
        turn[row.slide_id] += 1
    return tuple(patch for *_, patch in sorted(ranked)[:WANTED])


def _lot(patch_id: int) -> bytes:
    return hashlib.sha256(f"exemplar {patch_id}".encode()).digest()
