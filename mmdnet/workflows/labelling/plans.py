"""Sampling plans as a reader chooses them: whether each can be followed yet, and the queue it makes.

A plan (`labels.plans`) is worked out from what is there: kinds of tissue, predictions of a model, labels as they stand.
What it knows of other readers' labels does not reach the reader: neither why a patch was asked for, nor anything by the
order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from db import atlas
from db import labels as rows
from db import sessions as queues
from mmdnet.errors import LabError
from mmdnet.labels.acquisition import Evidence
from mmdnet.labels.grading import TASKS, UNKNOWN
from mmdnet.labels.plans import LABEL_COUNTS, PLANS, PREDICTIONS, READINGS, TISSUE_KINDS, Plan, plan_named
from mmdnet.labels.queue import Candidates, Pick, fat_kind, plan_queue, planned_number
from mmdnet.workflows.labelling.views import QueueChoice
from mmdnet.workflows.scoring.light_predictions import Followed, ModelsInView
from mmdnet.workflows.scoring.predictions import PatchShares


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan on offer. `problem` says what to do first where it cannot be followed, `note` what it would follow.

    `needs` is what it cannot be followed without (the name of a `labels.plans.Source`), `at_random` whether every
    patch of its queue is drawn at random.
    """

    name: str
    title: str
    what: str
    problem: str | None
    note: str | None
    needs: str | None
    at_random: bool


@dataclass(frozen=True)
class Planned:
    """A queue worked out, not yet anybody's; `facts` are JSON for the record of the session."""

    picks: list[Pick]
    facts: dict[str, str]

    @property
    def audit(self) -> int:
        return sum(pick.stream == "audit" for pick in self.picks)


@dataclass(frozen=True)
class _Ground:
    """Patches that may be asked for. Arrays over `patch_id`, sorted."""

    patch_id: np.ndarray
    slide_id: np.ndarray
    fat: np.ndarray
    labelled: np.ndarray  # by this reader before


class Planner:
    """Works out queues. Reads only; hold no write lock while it runs: a million patches take seconds."""

    def __init__(self, models: ModelsInView, tissue_kinds: Callable[[int], Mapping[int, int]]) -> None:
        """`tissue_kinds` gives the kind of tissue by patch id of a project, empty where its map was not made."""
        self._models = models
        self._tissue_kinds = tissue_kinds

    def views(self, session: Session, project_id: int, slide_ids: Sequence[int]) -> list[PlanView]:
        """Every plan, and whether it can be followed on these slides."""
        followed = self._models.followed(project_id, slide_ids)
        there = {
            PREDICTIONS: followed is not None,
            READINGS: bool(slide_ids) and rows.any_label(session, project_id),
        }
        return [
            PlanView(
                name=plan.name,
                title=plan.title,
                what=plan.what,
                problem=None if plan.needs is None or plan.needs.comes or there[plan.needs] else plan.needs.missing,
                note=self._note(plan, project_id, followed, len(slide_ids)),
                needs=plan.needs.name if plan.needs else None,
                at_random=plan.order == "random",
            )
            for plan in PLANS.values()
        ]

    def _note(self, plan: Plan, project_id: int, followed: Followed | None, slides: int) -> str | None:
        """What a plan would follow on these slides."""
        if TISSUE_KINDS in plan.reads:
            if self._tissue_kinds(project_id):
                return "Kinds of tissue are those of the tissue map."
            return "Kinds of tissue go by measured fat, until the tissue map is made (Label many page)."
        if PREDICTIONS not in plan.reads or (followed is None and plan.needs is not PREDICTIONS):
            return None
        if followed is None:
            return PREDICTIONS.missing
        known = len(followed.slide_ids)
        seen = "scored" if followed.light is None else "has looked at"
        note = f"Follows {followed.title}, which {seen} {known} of {slides} slides."
        if known < slides and plan.needs is PREDICTIONS:
            note += " Of the others only random audit patches are asked for."
        return note

    def work_out(self, session: Session, project_id: int, reader_id: int, choice: QueueChoice) -> Planned:
        """The queue of a new session.

        Raises:
            LabError: there is no such plan, it cannot be followed yet (the sentence says what to do), or a number is
                out of range.
        """
        plan = plan_named(choice.plan)
        candidates, followed = self.candidates(session, project_id, reader_id, plan, choice.slides)
        picks = plan_queue(
            candidates, choice.per_slide, plan.order, choice.seed, choice.audit_share, total=choice.total
        )
        return Planned(picks, self._facts(followed))

    def number(self, session: Session, project_id: int, reader_id: int, choice: QueueChoice) -> tuple[int, int]:
        """How many patches `work_out` would ask for, and how many of them at random; counted where that will do.

        Raises:
            LabError: as `work_out`.
        """
        plan = plan_named(choice.plan)
        if plan.acquisition is not None or plan.needs is not None or plan.asks_again:
            planned = self.work_out(session, project_id, reader_id, choice)
            return len(planned.picks), planned.audit
        sizes = rows.usable_unlabelled(session, project_id, choice.slides, reader_id)
        return planned_number(sizes, choice.per_slide, choice.audit_share, choice.total)

    def candidates(
        self, session: Session, project_id: int, reader_id: int, plan: Plan, slides: Sequence[int]
    ) -> tuple[Candidates, PatchShares | None]:
        """What the plan may ask this reader for and how much each would tell, and an example of what it goes by.

        Raises:
            LabError: the plan cannot be followed yet.
        """
        ground = self._ground(session, project_id, reader_id, slides)
        followed = self._models.followed(project_id, slides) if PREDICTIONS in plan.reads else None
        predictions = self._models.of_slides(project_id, followed, slides) if followed else []
        known = _evidence(session, project_id, ground.patch_id, plan, predictions)
        there = {PREDICTIONS: bool(known.probabilities), READINGS: rows.any_label(session, project_id)}
        begins = plan.needs is not None and not there[plan.needs]
        if plan.needs is not None and begins and not plan.needs.comes:
            raise LabError(plan.needs.missing)
        values = np.full(ground.patch_id.size, np.nan)
        if begins:
            values[:] = 0.0  # all alike: at random, until it comes
        elif plan.acquisition is not None:
            values = plan.acquisition(known)
        allowed = ~ground.labelled | ~np.isnan(values) if plan.asks_again else ~ground.labelled
        kinds = self._kinds(project_id, ground) if TISSUE_KINDS in plan.reads else None
        candidates = Candidates(
            ground.patch_id[allowed],
            ground.slide_id[allowed],
            tissue_kind=None if kinds is None else kinds[allowed],
            acquisition=values[allowed],
            only_plan=ground.labelled[allowed],
            run_id=_runs(session, ground.slide_id[allowed]),
        )
        return candidates, next(iter(predictions), None)

    @staticmethod
    def _facts(followed: PatchShares | None) -> dict[str, str]:
        """For the record of the session: what it followed when it was made."""
        if followed is None:
            return {}
        return {"model": followed.model_name, "weights_sha256": followed.weights_sha256}

    def _ground(self, session: Session, project_id: int, reader_id: int, slides: Sequence[int]) -> _Ground:
        labelled = rows.labelled_patches(session, project_id, reader_id)
        told = atlas.shown_to(session, reader_id)
        table = [row for row in queues.usable_patches(session, project_id, slides) if row[0] not in told]
        patches = np.array([patch for patch, *_ in table], dtype=np.int64)
        return _Ground(
            patch_id=patches,
            slide_id=np.array([slide for _, slide, _ in table], dtype=np.int64),
            fat=np.array([np.nan if share is None else share for *_, share in table], dtype=float),
            labelled=np.isin(patches, np.fromiter(labelled, np.int64, len(labelled))),
        )

    def _kinds(self, project_id: int, ground: _Ground) -> np.ndarray:
        """Kind of tissue: the map's where the patch is on it, else its class of fat area (numbered below 0)."""
        by_fat = -1 - fat_kind(ground.fat)
        mapped = self._tissue_kinds(project_id)
        if not mapped:
            return by_fat
        pairs = zip(ground.patch_id.tolist(), by_fat.tolist(), strict=True)
        return np.array([mapped.get(patch, fat) for patch, fat in pairs])


def _runs(session: Session, slide_id: np.ndarray) -> np.ndarray:
    """A number for each patch's site, staining run and stain, shape (patches,)."""
    slides, at = np.unique(slide_id, return_inverse=True)
    run_of = queues.runs_of_slides(session, slides.tolist())
    numbers = {run: number for number, run in enumerate(sorted(set(run_of.values()), key=str))}
    return np.array([numbers[run_of[slide]] for slide in slides.tolist()], dtype=np.int64)[at]


def _evidence(
    session: Session, project_id: int, patch_id: np.ndarray, plan: Plan, predictions: Sequence[PatchShares]
) -> Evidence:
    """What the plan reads of these patches (sorted)."""
    grades: dict[str, np.ndarray] = {}
    ignored = None
    if READINGS in plan.reads:
        grades, ignored = _readings(session, project_id, patch_id)
    return Evidence(
        patches=patch_id.size,
        probabilities=_probabilities(patch_id, predictions),
        label_counts=rows.grade_counts(session, project_id) if LABEL_COUNTS in plan.reads else {},
        grades=grades,
        ignored=ignored,
    )


def _probabilities(patch_id: np.ndarray, predictions: Sequence[PatchShares]) -> dict[str, np.ndarray]:
    """Per task that the model grades, shape (patches, grades); NaN where it says nothing."""
    by_task: dict[str, np.ndarray] = {}
    for of_slide in predictions:
        at = np.minimum(np.searchsorted(patch_id, of_slide.patch_id), patch_id.size - 1)
        here = patch_id[at] == of_slide.patch_id
        for name, table in of_slide.probabilities.items():
            whole = by_task.setdefault(name, np.full((patch_id.size, table.shape[1]), np.nan))
            whole[at[here]] = table[here]
    return by_task


def _readings(session: Session, project_id: int, patch_id: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Readers' standing grades and whether some ignored a patch, as `Evidence` has them."""
    at = {patch: n for n, patch in enumerate(patch_id.tolist())}
    given = [(event, at[event.patch_id]) for event, _ in rows.current(session, project_id) if event.patch_id in at]
    readers = {reader: n for n, reader in enumerate(sorted({event.reader_id for event, _ in given}))}
    grades = {task.name: np.full((patch_id.size, len(readers)), UNKNOWN) for task in TASKS}
    ignored = np.zeros((patch_id.size, 2), dtype=bool)
    for event, n in given:
        ignored[n, int(event.ignored)] = True
        for name, table in grades.items():
            grade = getattr(event, name)
            table[n, readers[event.reader_id]] = UNKNOWN if grade is None else grade
    return grades, ignored
