"""What pages and the command line draw of trainings: plain, frozen facts, detached from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mmdnet.experiments.search.plan import SearchPlan
from mmdnet.experiments.search.trial import Trial, best_of, verdict
from mmdnet.workflows.views import JobView

Recorded = dict[str, Any]  # JSON of a label set as it was recorded, by this build or an earlier one


@dataclass(frozen=True, slots=True)
class CheckView:
    """Whether a training would start: `lines` say what it would use; `problem` is the sentence why it cannot.

    `frozen`: the backbone stays as it is from the first epoch on.
    """

    ok: bool
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    problem: str | None
    expected: str = ""  # which of the lines says what is done to the backbone, and how long it should take
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class BackboneView:
    """A backbone that a training can name.

    Attributes:
        state: "with the program", "here" (fetched into this lab), "on the hub", or "not by this program".
        licence: of its weights: as the hub stated it when they were fetched, else as its page says.
        gated: its owner lets people in one by one, by a token.
        revision: the hub's, of weights that are here, and `sha256` of their file.
        note: why it cannot be fetched; empty where it can.
    """

    name: str
    title: str
    state: str
    licence: str = ""
    gated: bool = False
    hub_id: str = ""
    revision: str = ""
    sha256: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReadinessView:
    """Whether labels and split would do for a training, told at once: a sentence, or the one that says why not."""

    ready: bool
    sentence: str
    unjudged: str = ""  # why what it makes could not be reported, a sentence; empty where patients are kept to judge it


@dataclass(frozen=True, slots=True)
class RunView:
    id: int
    project_id: int
    name: str
    job: JobView | None
    choices: dict[str, object]  # as given; options of earlier builds may be among them
    label_set: Recorded
    created_at: datetime
    model_id: int | None


@dataclass(frozen=True, slots=True)
class SearchView:
    """A search for better settings.

    Attributes:
        choices: the settings as they were given, whole.
        label_set: what it learns from, as it was recorded.
        trials: in order.
        spent_s: how long it has trained in all.
        job: the newest that works on it.
    """

    id: int
    project_id: int
    plan: SearchPlan
    choices: dict[str, object]
    label_set: Recorded
    trials: tuple[Trial, ...]
    spent_s: float
    created_at: datetime
    job: JobView | None

    @property
    def best(self) -> Trial | None:
        return best_of(self.trials)

    @property
    def words(self) -> str:
        """What it has come to so far."""
        return verdict(self.trials)
