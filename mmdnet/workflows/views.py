"""What pages and the command line draw: plain, frozen facts, detached from the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmdnet.nn.card import ModelCard


@dataclass(frozen=True, slots=True)
class ProjectView:
    id: int
    name: str
    simulated: bool
    slides: int
    ready_slides: int
    patches: int
    labelled_patches: int
    models: int
    scored_slides: int


@dataclass(frozen=True, slots=True)
class SlideView:
    """A slide and its counts: `usable` patches are those not set aside (or overruled); `labelled` carry a label."""

    id: int
    project_id: int
    name: str
    path: str
    status: str
    reason: str | None
    vendor: str
    reader: str
    width_px0: int
    height_px0: int
    mpp_x: float | None
    mpp_y: float | None
    mpp_source: str | None
    objective: float | None
    stain: str | None
    scanner: str | None
    site: str | None
    patient: str | None
    simulated: bool
    tissue_mm2: float | None
    core_length_mm: float | None
    fat_area_share: float | None
    patches: int
    usable: int
    labelled: int
    score_id: int | None


@dataclass(frozen=True, slots=True)
class PatchView:
    """One patch; its square is `width_px0` x `height_px0` level-0 pixels from (`x_px0`, `y_px0`)."""

    id: int
    slide_id: int
    row: int
    col: int
    x_px0: int
    y_px0: int
    width_px0: int
    height_px0: int
    tissue_share: float
    fat_area_share: float | None
    quality: dict[str, Any]
    set_aside: str | None
    overruled: bool

    @property
    def usable(self) -> bool:
        return self.set_aside is None or self.overruled


@dataclass(frozen=True, slots=True)
class IngestOutcome:
    """What became of one file: a slide, or the sentence that says why not.

    Where no tissue was found, `picture` is a small PNG of the whole slide with what differs from glass outlined.
    """

    name: str
    slide_id: int | None
    problem: str | None
    picture: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StoreView:
    """Patches of one slide, decoded (`kind` "patches") or as a backbone sees them ("features"), kept to be used again.

    `fault` is the sentence that says what is wrong with them.
    """

    key: str
    slide: str
    patches: int
    bytes: int
    used_at: datetime
    in_use: bool
    fault: str | None
    kind: str = "patches"


@dataclass(frozen=True, slots=True)
class ReaderView:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class JobView:
    """A background job. `status`: queued, running, done, failed, cancelled. `eta_s` is None while unknown."""

    id: str
    project_id: int | None
    kind: str
    title: str
    status: str
    share_done: float
    message: str
    failure: str | None
    progress: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    eta_s: float | None

    @property
    def active(self) -> bool:
        return self.status in {"queued", "running"}


@dataclass(frozen=True, slots=True)
class CheckView:
    """Whether a training would start: `lines` say what it would use; `problem` is the sentence why it cannot."""

    ok: bool
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    problem: str | None


@dataclass(frozen=True, slots=True)
class RunView:
    id: int
    project_id: int
    name: str
    job: JobView | None
    choices: dict[str, Any]
    label_set: dict[str, Any]
    created_at: datetime
    model_id: int | None


@dataclass(frozen=True, slots=True)
class ModelView:
    id: int
    project_id: int | None
    run_id: int | None
    name: str
    weights_sha256: str
    card: ModelCard
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ScoreView:
    id: int
    slide_id: int
    slide_name: str
    model_id: int
    model_name: str
    result: dict[str, Any]
    created_at: datetime
    signed: bool


@dataclass(frozen=True, slots=True)
class SignOffView:
    id: int
    score_id: int
    reader_id: int
    reader: str
    amends_id: int | None
    grades: dict[str, int | None]
    reason: str
    report_sha256: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one thing to do now: a sentence, the page where it is done, the words on the button."""

    sentence: str
    page: str
    button: str
