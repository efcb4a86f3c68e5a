"""The lab's own tables. Coordinates are level-0 pixels (`_px0`), lengths µm, areas mm²; times are UTC.

Events are appended, never changed: the database refuses UPDATE and DELETE on `label_events`, `slide_readings` and
`sign_offs` (triggers made by the migrations). What a patch is labelled now is the latest event of that reader on it,
and what a slide is graded the latest reading of that reader of it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, MetaData, UniqueConstraint, or_
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from mmdnet.slides.facts import SLIDE_FACTS, SlideFacts

# A record as it was written, of this or an earlier build: whoever reads it validates it by its own model.
JsonObject = dict[str, Any]  # a JSON column as it was written; whoever reads it validates it by its record


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, aware on the Python side on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012
        JsonObject: JSON,
        dict[str, str]: JSON,
        list[str]: JSON,
        list[list[int]]: JSON,
        datetime: UtcDateTime,
    }
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Graded:
    """The grades of a patch or slide: a column of each task's name; None is unknown."""

    ballooning: Mapped[int | None]
    inflammation: Mapped[int | None]
    steatosis: Mapped[int | None]


class Project(Base):
    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    simulated: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    archived_at: Mapped[datetime | None]  # since when it is out of sight
    report_model_id: Mapped[int | None]  # the model that is offered first for scores; None: the newest
    reader_first: Mapped[bool] = mapped_column(default=False)  # the model's grades are shown after the reader's own


class ProjectChange(Base):
    """Who added or changed what of a project; kept when the project is deleted, so `project_id` may be of none."""

    __tablename__ = "project_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(index=True)
    act: Mapped[str]  # what was done, in words: "renamed", "slides added" ...
    what: Mapped[str]  # with what, in words
    reader_id: Mapped[int | None] = mapped_column(ForeignKey("readers.id"))  # None: nobody was named
    at: Mapped[datetime] = mapped_column(default=now)


class Slide(Base):
    """A slide and what is known of it. `status`: needs_mpp or ready; `reason` says why in words."""

    __tablename__ = "slides"
    __table_args__ = (UniqueConstraint("project_id", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    path: Mapped[str]
    fingerprint: Mapped[str]
    vendor: Mapped[str]
    reader: Mapped[str] = mapped_column(default="openslide")  # which code decodes it: openslide, jpeg-tiles, image ...
    width_px0: Mapped[int]
    height_px0: Mapped[int]
    mpp_x: Mapped[float | None]
    mpp_y: Mapped[float | None]
    mpp_source: Mapped[str | None]  # see SlideFacts
    objective: Mapped[float | None]
    stain: Mapped[str | None]
    scanner: Mapped[str | None]
    site: Mapped[str | None]
    patient: Mapped[str | None]
    visit: Mapped[str | None]
    staining_run: Mapped[str | None]
    control: Mapped[str | None]  # what kind of control it is (donor, chow); None for a case
    accession_number: Mapped[str | None]  # the hospital's number of the case
    barcode: Mapped[str | None]  # of the glass slide's label
    simulated: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str]
    reason: Mapped[str | None]
    tissue_mm2: Mapped[float | None]
    core_length_mm: Mapped[float | None]
    fat_area_share: Mapped[float | None]  # of tissue, 0-1, measured without the network
    patch_px: Mapped[int | None]
    patch_mpp: Mapped[float | None]
    notes: Mapped[list[str]] = mapped_column(default=list)  # sentences: what of the file was read, what contradicts
    proposed_stain: Mapped[str | None]  # by its colours; None with a certainty: it looks like none for certain
    stain_certainty: Mapped[float | None]  # 0-1; None: nobody looked
    measured: Mapped[bool] = mapped_column(default=True)  # whether every patch has its quality and its fat
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def facts(self) -> SlideFacts:
        """What is stated of the slide: columns of this table, as one record.

        Made when asked for: SQLAlchemy's composite would make one of each slide that is read, in as long as that takes.
        """
        return SlideFacts(*(getattr(self, name) for name in SLIDE_FACTS))

    @facts.setter
    def facts(self, facts: SlideFacts) -> None:
        for name in SLIDE_FACTS:
            setattr(self, name, getattr(facts, name))


class Patch(Base):
    """One square of tissue; `set_aside` is the reason it is not used, `overruled` that a person uses it anyway."""

    __tablename__ = "patches"
    __table_args__ = (
        UniqueConstraint("slide_id", "row", "col"),
        Index("ix_patches_usable", "slide_id", "set_aside", "overruled"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slide_id: Mapped[int] = mapped_column(ForeignKey("slides.id", ondelete="CASCADE"))
    row: Mapped[int]
    col: Mapped[int]
    x_px0: Mapped[int]
    y_px0: Mapped[int]
    tissue_share: Mapped[float]
    fat_area_share: Mapped[float | None]
    quality: Mapped[JsonObject] = mapped_column(default=dict)
    set_aside: Mapped[str | None]
    overruled: Mapped[bool] = mapped_column(default=False)

    @property
    def usable(self) -> bool:
        """Whether it is used: what `USABLE` asks of the database."""
        return self.set_aside is None or self.overruled


USABLE = or_(Patch.set_aside.is_(None), Patch.overruled)


class Reader(Base):
    """A person who grades (or, in a simulated project, the drawn truth).

    `same_as` is the id of the reader that is the same person under another name; events keep the id they were written
    with.
    """

    __tablename__ = "readers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    keys: Mapped[dict[str, str]] = mapped_column(default=dict)  # of the labelling canvas, where not the usual ones
    created_at: Mapped[datetime] = mapped_column(default=now)
    retired_at: Mapped[datetime | None]  # since when nobody reads under this name any more
    same_as: Mapped[int | None]


class SlideReading(Graded, Base):
    """One act of a reader on a whole slide: the reading's whole state after it, chained to the one before by hash.

    Only `db.slide_readings` writes them. `nas` and `fibrosis` are kept as they were given and derived from nothing.
    """

    __tablename__ = "slide_readings"
    __table_args__ = (Index("ix_slide_readings_current", "slide_id", "reader_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # idempotency key from the client
    slide_id: Mapped[int] = mapped_column(ForeignKey("slides.id"))
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"))
    act: Mapped[str]  # grade, import, sign, adjudicate, clear
    nas: Mapped[int | None]
    fibrosis: Mapped[str | None]
    blinded: Mapped[bool] = mapped_column(default=True)  # neither a model's score nor others' grades were in view
    read_on: Mapped[date | None]  # when the slide was read, where that was given
    shown: Mapped[JsonObject] = mapped_column(default=dict)  # what the reader saw, or which table's row it came in by
    took_ms: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(default=now)
    previous_hash: Mapped[str]
    hash: Mapped[str]


class Annotation(Base):
    """A length or an area that a reader drew on a slide, with a note; theirs to change and to take away."""

    __tablename__ = "annotations"
    __table_args__ = (Index("ix_annotations_slide", "slide_id", "reader_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slide_id: Mapped[int] = mapped_column(ForeignKey("slides.id", ondelete="CASCADE"))
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"))
    kind: Mapped[str]  # "length" or "area"
    points_px0: Mapped[list[list[int]]]
    note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)


class PatientAnswer(Base):
    """Whether a patient id that two sites use is one person; rows are added, the newest of an id holds."""

    __tablename__ = "patient_answers"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    patient: Mapped[str]  # as `mmdnet.slides.identity.identity_key` makes it
    one_person: Mapped[bool]
    set_by: Mapped[int | None] = mapped_column(ForeignKey("readers.id"))
    at: Mapped[datetime] = mapped_column(default=now)


class ExemplarShown(Base):
    """A patch a reader has seen in the atlas, with its agreed grade: it is not asked of that reader any more."""

    __tablename__ = "exemplars_shown"
    __table_args__ = (UniqueConstraint("reader_id", "patch_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"))
    patch_id: Mapped[int] = mapped_column(ForeignKey("patches.id", ondelete="CASCADE"))


class LabelSession(Base):
    """A reader's named piece of labelling work: which patches, in which order, by which plan and seed."""

    __tablename__ = "label_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"))
    name: Mapped[str]
    plan: Mapped[JsonObject] = mapped_column(default=dict)
    seed: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)


class QueueItem(Base):
    """One patch of a session's queue; `stream` says why it is asked for: plan, audit, click, region, second, repeat."""

    __tablename__ = "queue_items"
    __table_args__ = (UniqueConstraint("session_id", "patch_id"), Index("ix_queue_order", "session_id", "position"))

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("label_sessions.id", ondelete="CASCADE"))
    patch_id: Mapped[int] = mapped_column(ForeignKey("patches.id", ondelete="CASCADE"))
    position: Mapped[int]
    stream: Mapped[str] = mapped_column(default="plan")


class LabelEvent(Graded, Base):
    """One act of a reader on one patch: the patch's whole state after it, chained to the event before by hash."""

    __tablename__ = "label_events"
    __table_args__ = (
        Index("ix_label_events_current", "reader_id", "patch_id", "id"),
        Index("ix_label_events_patch", "patch_id"),
        Index("ix_label_events_session", "session_id", "patch_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # idempotency key from the client
    session_id: Mapped[int | None] = mapped_column(ForeignKey("label_sessions.id"))
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"))
    patch_id: Mapped[int] = mapped_column(ForeignKey("patches.id"))
    act: Mapped[str]  # grade, ignore, undo, clear, flag, bulk, import
    ignored: Mapped[bool] = mapped_column(default=False)
    flagged: Mapped[bool] = mapped_column(default=False)
    shown: Mapped[JsonObject] = mapped_column(default=dict)  # what the reader saw: suggestion, context, view
    took_ms: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(default=now)
    previous_hash: Mapped[str]
    hash: Mapped[str]


class ConsensusRule(Base):
    """By which rule a project makes one label of several readers'; rows are added, the newest holds."""

    __tablename__ = "consensus_rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    rule: Mapped[str]  # latest, majority, adjudicated or reader
    reader_id: Mapped[int | None] = mapped_column(ForeignKey("readers.id"))  # for the rule of one reader
    set_by: Mapped[int | None] = mapped_column(ForeignKey("readers.id"))
    at: Mapped[datetime] = mapped_column(default=now)


class Job(Base):
    """What a background job is for and how far it is; its state machine lives in the queue's own database."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_newest", "created_at"), Index("ix_jobs_attend", "attend"))

    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]  # ingest, train, score, demo ...
    queue: Mapped[str]  # gpu or cpu
    title: Mapped[str]
    spec: Mapped[JsonObject]
    share_done: Mapped[float] = mapped_column(default=0.0)
    message: Mapped[str] = mapped_column(default="")
    progress: Mapped[JsonObject] = mapped_column(default=dict)
    failure: Mapped[str | None]  # the sentence for a person when it failed
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    dismissed_at: Mapped[datetime | None]  # since when only the Jobs page shows it
    press: Mapped[str | None]  # what was queued by one press of a button shares it
    after_id: Mapped[str | None]  # the job it waits for, or waited for
    not_before: Mapped[datetime | None]
    attend: Mapped[bool] = mapped_column(default=False)  # workers let it begin after another, or tell of its end


class Run(Base):
    """One training: the choices, the frozen label set and split, and the job that runs it."""

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    name: Mapped[str]
    choices: Mapped[JsonObject]
    label_set: Mapped[JsonObject]  # counts, hash, consensus rule
    created_at: Mapped[datetime] = mapped_column(default=now)


class Model(Base):
    """A trained network on disk: weights.safetensors and card.json. `run_id` is None for one brought from elsewhere."""

    __tablename__ = "models"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"))
    name: Mapped[str]
    folder: Mapped[str] = mapped_column(unique=True)
    weights_sha256: Mapped[str]
    card: Mapped[JsonObject]
    created_at: Mapped[datetime] = mapped_column(default=now)
    archived_at: Mapped[datetime | None]  # since when it is offered no more
    note: Mapped[str] = mapped_column(default="")


class Augmentation(Base):
    """One batch of synthetic patches: the choices, the weights they are made with, and the job that makes them."""

    __tablename__ = "augmentations"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    choices: Mapped[JsonObject]
    origin: Mapped[JsonObject]  # weights, their hashes and licence, scheduler, versions, split, gate
    created_at: Mapped[datetime] = mapped_column(default=now)


class SyntheticPatch(Base):
    """A patch that a diffusion model made of a training patch; its pixels lie in a file, it is on no slide.

    `grades` are its parent's as they were then. `refused` says why it is not learnt from; None with `judged` set: it
    may be. Only a training that was told to learns from it, and only where its parent trains.
    """

    __tablename__ = "synthetic_patches"
    __table_args__ = (UniqueConstraint("augmentation_id", "parent_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    augmentation_id: Mapped[int] = mapped_column(ForeignKey("augmentations.id", ondelete="CASCADE"))
    parent_id: Mapped[int] = mapped_column(ForeignKey("patches.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]  # among its parent's children, from 0
    grades: Mapped[JsonObject]
    prompt: Mapped[str]
    seed: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]  # of its file
    judged: Mapped[bool] = mapped_column(default=False)
    refused: Mapped[str | None]  # a name of `mmdnet.augment.gate.REASONS`
    gate_values: Mapped[JsonObject] = mapped_column(default=dict)
    made_at: Mapped[datetime] = mapped_column(default=now)


class SyntheticLook(Base):
    """What a reader who was not told said of one patch: whether it is synthetic, and its grade."""

    __tablename__ = "synthetic_looks"
    __table_args__ = (UniqueConstraint("augmentation_id", "reader_id", "patch_id", "synthetic_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    augmentation_id: Mapped[int] = mapped_column(ForeignKey("augmentations.id", ondelete="CASCADE"))
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"))
    patch_id: Mapped[int | None] = mapped_column(ForeignKey("patches.id", ondelete="CASCADE"))
    synthetic_id: Mapped[int | None] = mapped_column(ForeignKey("synthetic_patches.id", ondelete="CASCADE"))
    said_synthetic: Mapped[bool]
    grade: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(default=now)


class LightModel(Base):
    """Heads fitted on frozen features while one labels. `number` counts a project's versions from 1; none is changed.

    `label_set` is the record of the labels it learnt from (counts, hash, last event), `estimate` how good it is on
    patients left out, `backbone_sha256` of all that its features depend on; the heads lie in the home's folder `light`.
    """

    __tablename__ = "light_models"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    number: Mapped[int]
    job_id: Mapped[str]
    backbone: Mapped[str]
    backbone_sha256: Mapped[str]
    heads_sha256: Mapped[str]
    labels: Mapped[int]
    label_set: Mapped[JsonObject]
    estimate: Mapped[JsonObject]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Score(Base):
    """One slide scored by one model. `result` is the scorer's summary; per-patch arrays lie in `file`."""

    __tablename__ = "scores"
    __table_args__ = (Index("ix_scores_slide", "slide_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slide_id: Mapped[int] = mapped_column(ForeignKey("slides.id", ondelete="CASCADE"))
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"))
    job_id: Mapped[str | None]
    result: Mapped[JsonObject]
    file: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class SignOff(Graded, Base):
    """A reader's signed grades of a scored slide: immutable; a change is a new one that names what it amends."""

    __tablename__ = "sign_offs"

    id: Mapped[int] = mapped_column(primary_key=True)
    score_id: Mapped[int] = mapped_column(ForeignKey("scores.id"), index=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("readers.id"))
    amends_id: Mapped[int | None] = mapped_column(ForeignKey("sign_offs.id"))
    reason: Mapped[str] = mapped_column(default="")
    report_sha256: Mapped[str]
    report: Mapped[JsonObject]  # the report JSON as it was signed
    account_id: Mapped[int | None]  # who had signed in; None where the lab asked nobody
    proof: Mapped[str | None]  # how it was proven who that is
    at: Mapped[datetime] = mapped_column(default=now)


class WorkerLease(Base):
    """A worker's sign of life: a counter it raises; one that stands still is dead and its jobs are taken over."""

    __tablename__ = "worker_leases"

    executor_id: Mapped[str] = mapped_column(primary_key=True)
    beat: Mapped[int] = mapped_column(default=0)
    info: Mapped[JsonObject] = mapped_column(default=dict)
