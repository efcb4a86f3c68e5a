"""Sampling plans as a reader chooses them: what each follows, whether it can be followed yet, and if not, what to do.

A plan is worked out from what is there: kinds of tissue, predictions of a model, labels as they stand. What it knows of
other readers' labels does not reach the reader: neither why a patch was asked for, nor anything by the order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy.orm import Session

from db import atlas
from db import labels as rows
from db import sessions as queues
from mmdnet.errors import LabError
from mmdnet.labels import acquisition as worth
from mmdnet.labels.grading import TASKS, UNKNOWN
from mmdnet.labels.queue import Candidates, Pick, fat_look, plan_queue
from mmdnet.workflows.labelling.views import QueueChoice
from mmdnet.workflows.scoring.predictions import PatchPredictions, Predictions


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to choose patches. `order` is the plan of `labels.queue` that takes them by what this one knows."""

    name: str
    title: str
    what: str
    order: str


PLANS: Mapping[str, Plan] = {
    plan.name: plan
    for plan in (
        Plan("random", "Random", "Every patch has the same chance.", "random"),
        Plan("stratified", "Even over kinds of tissue", "Rare kinds of tissue as often as common ones.", "stratified"),
        Plan("uncertain", "Uncertain first", "Patches whose grades the model is least sure of.", "ranked"),
        Plan("torn", "Torn between two grades first", "Patches where two grades are nearly as likely.", "ranked"),
        Plan("rare", "Rare grades first", "Patches where the model expects grades that few patches have.", "ranked"),
        Plan(
            "disagreement",
            "Disagreement first",
            "Graded patches on which readers, or a reader and the model, lie furthest apart.",
            "shuffled",
        ),
    )
}
FOLLOW_A_MODEL = ("uncertain", "torn", "rare")
SCORE_FIRST = "No model has scored these slides yet. Score them first (Score page); then this plan knows what to ask."
LEAST_DISTANCE = 0.25  # of the scale: a label and a model closer than this do not disagree


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan on offer. `problem` says what to do first where it cannot be followed, `note` what it would follow."""

    name: str
    title: str
    what: str
    problem: str | None
    note: str | None


@dataclass(frozen=True)
class Planned:
    """A queue worked out, not yet anybody's; `facts` are JSON for the record of the session."""

    picks: list[Pick]
    facts: dict[str, object]

    @property
    def audit(self) -> int:
        return sum(pick.stream == "audit" for pick in self.picks)


@dataclass(frozen=True)
class _Ground:
    """What all plans start from. Arrays over `patch_id`, sorted; predictions of one model."""

    patch_id: np.ndarray
    slide_id: np.ndarray
    fat: np.ndarray
    known: np.ndarray  # labelled by this reader before
    predictions: Sequence[PatchPredictions] = ()
    looks: Mapping[int, int] = field(default_factory=dict)

    def probabilities(self) -> dict[str, np.ndarray]:
        """Per task that the model grades, shape (patches, grades); NaN where it says nothing."""
        found: dict[str, np.ndarray] = {}
        for one in self.predictions:
            at = np.searchsorted(self.patch_id, one.patch_id)
            at = np.minimum(at, self.patch_id.size - 1)
            here = self.patch_id[at] == one.patch_id
            for name, table in one.probabilities.items():
                whole = found.setdefault(name, np.full((self.patch_id.size, table.shape[1]), np.nan))
                whole[at[here]] = table[here]
        return found


class Planner:
    """Works out queues. Reads only; hold no write lock while it runs: a million patches take seconds."""

    def __init__(self, predictions: Predictions, looks: Callable[[int], Mapping[int, int]]) -> None:
        """`looks` gives the kind of tissue by patch id of a project, empty where its map was not made."""
        self._predictions = predictions
        self._looks = looks

    def views(self, session: Session, project_id: int, slide_ids: Sequence[int]) -> list[PlanView]:
        """Every plan, and whether it can be followed on these slides."""
        models = self._predictions.scored_by(slide_ids)
        labelled = bool(slide_ids) and rows.any_label(session, project_id)
        found = []
        for plan in PLANS.values():
            problem = note = None
            if plan.name in FOLLOW_A_MODEL or plan.name == "disagreement":
                if models:
                    scored = len(models[0].slide_ids)
                    note = f"Follows {models[0].model_name}, which scored {scored} of {len(slide_ids)} slides."
                    if scored < len(slide_ids) and plan.name != "disagreement":
                        note += " Of the others only random audit patches are asked for."
                elif plan.name != "disagreement":
                    problem = SCORE_FIRST
            if plan.name == "disagreement" and not labelled:
                problem = "Nobody has graded a patch here yet. Grade some first; then there is something to differ on."
            if plan.name == "stratified":
                note = (
                    "Kinds of tissue are those of the tissue map."
                    if self._looks(project_id)
                    else "Kinds of tissue go by measured fat, until the tissue map is made (Label many page)."
                )
            found.append(PlanView(plan.name, plan.title, plan.what, problem, note))
        return found

    def work_out(self, session: Session, project_id: int, reader_id: int, choice: QueueChoice) -> Planned:
        """The queue of a new session.

        Raises:
            LabError: there is no such plan, it cannot be followed yet (the sentence says what to do), or a number is
                out of range.
        """
        plan = choice.plan
        if plan not in PLANS:
            raise LabError(f"There is no sampling plan called {plan}. Known are {', '.join(PLANS)}.")
        ground = self._ground(session, project_id, reader_id, choice)
        values, facts = self._worth(session, project_id, ground, plan)
        allowed = ~ground.known if plan != "disagreement" else ~ground.known | ~np.isnan(values)
        look = self._look(ground) if plan == "stratified" else None
        candidates = Candidates(
            ground.patch_id[allowed],
            ground.slide_id[allowed],
            look=None if look is None else look[allowed],
            worth=values[allowed],
            only_plan=ground.known[allowed],
        )
        order, share = PLANS[plan].order, choice.audit_share
        picks = plan_queue(candidates, choice.per_slide, order, choice.seed, share, total=choice.total)
        return Planned(picks, facts)

    def _ground(self, session: Session, project_id: int, reader_id: int, choice: QueueChoice) -> _Ground:
        plan = choice.plan
        known = rows.labelled_patches(session, project_id, reader_id)
        told = atlas.shown_to(session, reader_id)
        table = [row for row in queues.usable_patches(session, project_id, choice.slides) if row[0] not in told]
        patches = np.array([patch for patch, *_ in table], dtype=np.int64)
        return _Ground(
            patch_id=patches,
            slide_id=np.array([slide for _, slide, _ in table], dtype=np.int64),
            fat=np.array([np.nan if share is None else share for *_, share in table], dtype=float),
            known=np.isin(patches, np.fromiter(known, np.int64, len(known))),
            predictions=self._predictions.of_slides(choice.slides) if plan not in ("random", "stratified") else (),
            looks=self._looks(project_id) if plan == "stratified" else {},
        )

    def _look(self, ground: _Ground) -> np.ndarray:
        """Kind of tissue: the map's where the patch is on it, else its class of fat area (numbered below 0)."""
        by_fat = -1 - fat_look(ground.fat)
        if not ground.looks:
            return by_fat
        return np.array(
            [ground.looks.get(patch, fat) for patch, fat in zip(ground.patch_id.tolist(), by_fat.tolist(), strict=True)]
        )

    def _worth(
        self, session: Session, project_id: int, ground: _Ground, plan: str
    ) -> tuple[np.ndarray, dict[str, object]]:
        nothing = np.full(ground.patch_id.size, np.nan)
        facts: dict[str, object] = {}
        if ground.predictions:
            one = ground.predictions[0]
            facts = {"model": one.model_name, "weights_sha256": one.weights_sha256}
        probabilities = ground.probabilities()
        if plan in FOLLOW_A_MODEL and not probabilities:
            raise LabError(SCORE_FIRST)
        if plan == "uncertain":
            return worth.over_tasks({n: worth.entropy(p) for n, p in probabilities.items()}), facts
        if plan == "torn":
            return worth.over_tasks({n: worth.narrowness(p) for n, p in probabilities.items()}), facts
        if plan == "rare":
            counts = rows.grade_counts(session, project_id)
            return worth.over_tasks({n: worth.rarity(p, counts[n]) for n, p in probabilities.items()}), facts
        if plan == "disagreement":
            return _disagreement(session, project_id, ground, probabilities), facts
        return nothing, facts


def _disagreement(
    session: Session, project_id: int, ground: _Ground, probabilities: Mapping[str, np.ndarray]
) -> np.ndarray:
    """How far readers lie apart, or a reader and the model; NaN where neither do."""
    at = {patch: n for n, patch in enumerate(ground.patch_id.tolist())}
    given = [(event, at[event.patch_id]) for event, _ in rows.current(session, project_id) if event.patch_id in at]
    readers = {reader: n for n, reader in enumerate(sorted({event.reader_id for event, _ in given}))}
    apart: dict[str, np.ndarray] = {}
    for task in TASKS:
        grades = np.full((ground.patch_id.size, len(readers)), UNKNOWN)
        for event, n in given:
            grade = getattr(event, task.name)
            grades[n, readers[event.reader_id]] = UNKNOWN if grade is None else grade
        between = worth.spread(grades, task.highest)
        apart[f"readers on {task.name}"] = np.where(between > 0, between, np.nan)
        for column in range(len(readers)) if task.name in probabilities else ():
            away = worth.distance(probabilities[task.name], grades[:, column])
            apart[f"model and reader {column} on {task.name}"] = np.where(away >= LEAST_DISTANCE, away, np.nan)
    ignored = np.zeros((ground.patch_id.size, 2), dtype=bool)
    for event, n in given:
        ignored[n, int(event.ignored)] = True
    apart["ignored by some"] = np.where(ignored.all(axis=1), 1.0, np.nan)
    return worth.over_tasks(apart)
