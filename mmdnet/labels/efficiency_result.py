"""What a replay of the labelling plans came to, as it is kept in `label_economy.json`; see `docs/artefacts.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from mmdnet.labels.plans import current_name

FILE = "label_economy.json"
RANDOM = ("random", "quota")  # plans that ask for patches at random


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Band(Record):
    """A curve over the numbers of labels: mean over seeds and the ends of its 95 % interval."""

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class ShareNeeded(Record):
    """Labels a plan needs as a share of random ones for the same kappa, with its interval; None: never reached."""

    value: float | None
    low: float | None
    high: float | None


class PlanResult(Record):
    """Quadratic kappa of one plan (mean over tasks, and by task), and the labels it needs by budget of random ones."""

    kappa: Band
    tasks: dict[str, Band]
    share_needed: dict[str, ShareNeeded]


class EfficiencyResult(Record):
    """Every plan replayed over seeds on simulated slides; `labels` are the numbers at which kappa was measured."""

    format: Literal[1] = 1
    simulated: bool = True
    slides: int
    patients: int
    patches: int
    held_out_patients: float
    audit_share: float
    seeds: int
    backbone_sha256: str
    labels: tuple[int, ...]
    plans: dict[str, PlanResult]

    @field_validator("plans")
    @classmethod
    def _by_the_names_of_today(cls, plans: dict[str, PlanResult]) -> dict[str, PlanResult]:
        return {current_name(name): result for name, result in plans.items()}

    def best_active(self, budget: int) -> tuple[str, ShareNeeded] | None:
        """The plan that chooses its patches and needs the smallest share of labels; None if none reaches the kappa.

        Args:
            budget: random labels whose kappa is to be reached.
        """
        best = min(self._reached(budget), key=lambda reached: reached[0], default=None)
        return None if best is None else best[1:]

    def _reached(self, budget: int) -> Iterator[tuple[float, str, ShareNeeded]]:
        for plan, result in self.plans.items():
            share = result.share_needed.get(str(budget))
            if plan not in RANDOM and share is not None and share.value is not None:
                yield share.value, plan, share
