"""What labelling hands out and takes in: plain, frozen facts, detached from the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.labels.plans import current_name


class LabelRefused(LabError):
    """A label that was not taken: why, and that nothing was changed."""


@dataclass(frozen=True, slots=True)
class LabelAct:
    """One act of a reader at the canvas, bound to its patch when the key was pressed.

    Attributes:
        key: the client's idempotency key, 8 to 64 letters, digits, `-` or `_`; the same act may be sent many times.
        act: grade, ignore, clear or flag; what follows is the patch's whole state after it.
        grades: by task name, None or absent where unknown.
        shown: what the reader saw (suggestion, context, view), as JSON.
        took_ms: from the patch's first paint to the act.
        based_on: key of the reader's act that the canvas took for the newest on this patch in this session, None for
            "none yet"; another one in the database means the act comes late or out of order, and it is refused.
            The default, an ellipsis, asks for no such check (scripts).
    """

    key: str
    session_id: int
    reader_id: int
    patch_id: int
    act: str = "grade"
    grades: Mapping[str, int | None] = field(default_factory=dict)
    ignored: bool = False
    flagged: bool = False
    shown: Mapping[str, Any] = field(default_factory=dict)
    took_ms: int | None = None
    based_on: str | Any | None = ...


@dataclass(frozen=True, slots=True)
class Saved:
    """An act that is in the database. `already`: it was there before, nothing was added now."""

    key: str
    patch_id: int
    already: bool


@dataclass(frozen=True, slots=True)
class PatchGrades:
    """Grades of one patch, for many at once."""

    patch_id: int
    grades: Grades = field(default_factory=Grades)
    ignored: bool = False
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class PatchLabelView:
    """A reader's label of a patch as it stands. `event_id` orders labels in time."""

    event_id: int
    patch_id: int
    slide_id: int
    reader_id: int
    session_id: int | None
    act: str
    grades: Grades
    ignored: bool
    flagged: bool
    took_ms: int | None
    at: datetime


class SuggestionChoice(BaseModel):
    """Whether a session shows suggested grades, and of which model; `light`: of the newest light model, ever anew."""

    model_config = ConfigDict(frozen=True)

    on: bool
    model_id: int | None
    light: bool = False


class SessionPlan(BaseModel):
    """What a label session was made with, as its row keeps it in JSON; fields that do not apply are absent there.

    Attributes:
        kind: plan, second, repeat or adjudication.
        plan: name of the sampling plan, as it is called now.
        model, weights_sha256: what the plan followed.
        share: part of the patches a review takes.
        light: number of the light model that the order was last taken from; None before any was.
        suggestions: None before they were ever switched.
        judgeable: what the reader answered after the first labels: whether the question can be judged on these
            patches; None before.
    """

    model_config = ConfigDict(frozen=True)

    kind: str = "plan"
    plan: Annotated[str, AfterValidator(current_name)] | None = None
    audit_share: float = 0.0
    slides: tuple[int, ...] | None = None
    total: int | None = None
    per_slide: int | dict[int, int] | None = None
    model: str | None = None
    weights_sha256: str | None = None
    share: float | None = None
    light: int | None = None
    suggestions: SuggestionChoice | None = None
    judgeable: bool | None = None

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> SessionPlan:
        """The plan a session's row keeps."""
        return cls.model_validate(kept)

    def kept(self) -> dict[str, object]:  # a JSON column; `of` reads it back
        """JSON for the session's row: what was chosen, and nothing that was not."""
        return self.model_dump(mode="json", exclude_unset=True)


@dataclass(frozen=True, slots=True)
class ShownSuggestion:
    """Suggested grades of a patch by task name, the model they are of (or the light model's number), and the patch
    asked for before it.

    Which grade was planted follows from `after` and the session's seed, and is not said.
    """

    grades: dict[str, int]
    model_id: int | None
    after: int | None
    light: int | None = None


@dataclass(frozen=True, slots=True)
class SessionView:
    """A reader's named piece of labelling work."""

    id: int
    project_id: int
    reader_id: int
    name: str
    plan: SessionPlan
    seed: int
    patches: int
    labelled: int
    created_at: datetime

    @property
    def kind(self) -> str:
        """plan, second, repeat or adjudication."""
        return self.plan.kind

    @property
    def finished(self) -> bool:
        return self.labelled >= self.patches


def newest_open(newest_first: Sequence[SessionView]) -> SessionView | None:
    """The newest session with a patch left to label; else the newest at all; None if there is none."""
    return next((view for view in newest_first if not view.finished), next(iter(newest_first), None))


@dataclass(frozen=True, slots=True)
class QueueChoice:
    """What a new session is to ask for.

    Attributes:
        slides: ids of the slides it goes over.
        per_slide: patches of each slide, or by slide id; None for all. Not used where there is a `total`.
        plan: name of a sampling plan (`labels.plans.PLANS`).
        seed: the same seed asks for the same patches.
        audit_share: part of the patches drawn at random whatever the plan, 0 to 1.
        total: patches over all slides.
    """

    slides: Sequence[int]
    per_slide: int | Mapping[int, int] | None = None
    plan: str = "random"
    seed: int = 0
    audit_share: float = 0.2
    total: int | None = None


@dataclass(frozen=True, slots=True)
class SessionPreview:
    """What a new session would ask for: patches, how many of them drawn at random, and how long that takes.

    `pace_s` is the reader's own median seconds per patch; None before five labels, and then so is `minutes`.
    """

    patches: int
    audit: int
    pace_s: float | None
    minutes: float | None


@dataclass(frozen=True, slots=True)
class OwnLabel:
    """What the reader gave this patch in this session; `key` is the act it came by."""

    key: str
    grades: dict[str, int | None]
    ignored: bool
    flagged: bool
    labelled: bool


@dataclass(frozen=True, slots=True)
class QueueItemView:
    """A patch to be labelled: where it is, how large, and what this reader (nobody else) gave it in this session.

    `x_share` and `y_share` are the patch's centre as shares of the slide's width and height. Which stream asked for the
    patch is not told: it would be a hint. `votes` are other readers' grades without names, in adjudication only.
    """

    position: int
    patch_id: int
    slide_id: int
    slide_name: str
    stain: str | None
    side_um: float
    x_share: float
    y_share: float
    aspect: float
    own: OwnLabel | None
    votes: tuple[dict[str, int | None], ...] = ()


@dataclass(frozen=True, slots=True)
class SlideProgress:
    slide_id: int
    slide_name: str
    patches: int
    labelled: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a session is. `pace_s` is the reader's own median seconds per patch; None before five labels.

    `times_ms` are the reader's last labels' times, newest first: a page goes on reckoning from them.
    """

    slides: tuple[SlideProgress, ...]
    patches: int
    labelled: int
    resume_at: int
    pace_s: float | None
    minutes_left: float | None
    times_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Patches labelled in a project by anyone, and how often each grade stands; `grades[task][grade]`."""

    patches: int
    ignored: int
    flagged: int
    reader_ids: tuple[int, ...]
    grades: dict[str, dict[int, int]]
    slides: dict[int, int]

    @property
    def readers(self) -> int:
        return len(self.reader_ids)


@dataclass(frozen=True, slots=True)
class LabelChoice:
    """Which labels a training uses: by the project's rule where readers differ (None) or by another one, of one reader
    only, on some slides only."""

    rule: str | None = None
    reader_id: int | None = None
    slide_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A row of a label set: what a training learns of a patch."""

    patch_id: int
    slide_id: int
    grades: Grades
    ignored: bool

    def record(self) -> dict[str, int | bool | None]:
        """JSON, as a run keeps it: one field per task."""
        return {"patch_id": self.patch_id, "slide_id": self.slide_id, **self.grades, "ignored": self.ignored}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> LabelRow:
        """The row a run has kept; tasks that were not graded then are unknown."""
        grades = Grades(**{name: record.get(name) for name in TASK_NAMES})
        return cls(record["patch_id"], record["slide_id"], grades, record["ignored"])


@dataclass(frozen=True, slots=True)
class LabelSetSummary:
    """A label set without its rows, for the record of a run; `patches` is how many rows it has."""

    rule: str
    sha256: str
    readers: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    patches: int
    events: int
    last_event_hash: str


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The labels a training uses: one row per patch, by patch id.

    `sha256` is over slides' fingerprints, places and grades, so the same labels hash alike on every machine; `events`
    and `last_event_hash` say which state of the event log they were read from.
    """

    rows: tuple[LabelRow, ...]
    rule: str
    sha256: str
    readers: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    events: int
    last_event_hash: str

    def summary(self) -> LabelSetSummary:
        """Everything but the rows."""
        return LabelSetSummary(
            rule=self.rule,
            sha256=self.sha256,
            readers=self.readers,
            counts=self.counts,
            patches=len(self.rows),
            events=self.events,
            last_event_hash=self.last_event_hash,
        )


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """A line of an imported file that cannot be used; line 1 of a CSV is its header. `file` names a ZIP's member."""

    line: int
    problem: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import did (or, as a preview, would do).

    Attributes:
        imported: labels put in; 0 if nothing was.
        unchanged: labels that stood already.
        problems: what was wrong, line by line.
        counted: what `ImportProblem.line` counts: line, row or feature.
        readers: whose labels are new, and how many each.
        not_read: names of columns that mean nothing here.
    """

    imported: int
    unchanged: int
    problems: tuple[ImportProblem, ...]
    counted: str = "line"
    readers: tuple[tuple[str, int], ...] = ()
    not_read: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportedLabels:
    """A file of labels. `hidden` are those left out because whoever asked may not see them yet."""

    data: bytes = field(repr=False)
    labels: int = 0
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class AuditView:
    """Result of checking the event log: events that fit, and the first that does not: why, and what it says it is."""

    events: int
    last_hash: str
    broken_id: int | None
    reason: str | None
    broken_act: str | None = None

    @property
    def intact(self) -> bool:
        return self.broken_id is None
