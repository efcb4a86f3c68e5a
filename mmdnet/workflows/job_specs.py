"""What each kind of background job is told to do: one record a kind, kept as JSON in the job's row."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from mmdnet.scoring.choices import AUTO
from mmdnet.slides.facts import StatedFacts

QueueName = Literal["cpu", "gpu"]


class JobSpec(BaseModel):
    """What a job is told. `kind` names it in its row; `queue` is whose workers take it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    queue: ClassVar[QueueName] = "cpu"


class IngestSpec(JobSpec):
    """Register the slide or the folder at `path`, and those at `more`, in one job.

    `facts` is what a person stated of them; `left_out` are files.
    """

    kind = "ingest"

    project_id: int
    path: str
    facts: StatedFacts = StatedFacts()
    left_out: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


class DeidentifySpec(JobSpec):
    """Copy a slide without what identifies a patient."""

    kind = "deidentify"

    slide_id: int


class StainsSpec(JobSpec):
    """Look at the colours of slides of which nobody states the stain."""

    kind = "stains"

    slide_ids: tuple[int, ...]


class MeasureSpec(JobSpec):
    """Measure quality and fat of a slide's patches."""

    kind = "measure"

    slide_id: int


class FeaturesSpec(JobSpec):
    """Compute the pretrained backbone's features of a project's slides."""

    kind = "features"

    project_id: int


class ImportFeaturesSpec(JobSpec):
    """Take in features of a slide from a file that a browser sent; `shown` is what the person calls it."""

    kind = "import_features"

    slide_id: int
    file: str
    shown: str
    backbone: str
    side_px0: float | None = None


class TissueMapSpec(JobSpec):
    """Lay the project's patches out by likeness."""

    kind = "map"

    project_id: int


class LearnSpec(JobSpec):
    """Learn from the labels so far, beside the labelling. `last_event` is the newest label event when it was asked."""

    kind = "learn"

    project_id: int
    last_event: int


class TrainSpec(JobSpec):
    """Do the training of a run."""

    kind = "train"
    queue = "gpu"

    run_id: int


class SearchSpec(JobSpec):
    """Search for better settings of a training."""

    kind = "search"
    queue = "gpu"

    search_id: int


class ScoreSpec(JobSpec):
    """Score slides with a model, or with the one that the training of a run makes, by an aggregation rule
    (`mmdnet.scoring.rules`)."""

    kind = "score"
    queue = "gpu"

    slide_ids: tuple[int, ...]
    model_id: int | None = None
    run_id: int | None = None
    rule: str = AUTO


class EvidenceMapsSpec(JobSpec):
    """Make the maps of the patches that are a score's evidence."""

    kind = "evidence_maps"
    queue = "gpu"

    score_id: int


class ScoreAgainSpec(JobSpec):
    """Make a score again and compare it with the one that is kept."""

    kind = "score_again"
    queue = "gpu"

    score_id: int


class EvaluateSpec(JobSpec):
    """Judge a model on the project's graded slides that it did not learn from, by an aggregation rule."""

    kind = "evaluate"
    queue = "gpu"

    project_id: int
    model_id: int
    rule: str = AUTO


class CalibrateSpec(JobSpec):
    """Calibrate a model on the project's graded slides, by the best rule or by this one."""

    kind = "calibrate"
    queue = "gpu"

    project_id: int
    model_id: int
    rule: str = AUTO


class CrossValidateSpec(JobSpec):
    """Train on every fold but one in turn and judge each slide by the model that did not see it.

    The labels, slides and choices are frozen in the folder of `frozen`.
    """

    kind = "cross_validate"
    queue = "gpu"

    project_id: int
    frozen: str
    rule: str = AUTO


class FieldSpec(JobSpec):
    """Compare methods or backbones on the project's labels, which are frozen in the folder of `frozen`."""

    kind = "field"
    queue = "gpu"

    project_id: int
    frozen: str


class BackboneSpec(JobSpec):
    """Fetch a backbone's weights from the hub into the lab."""

    kind = "backbone"

    name: str


class AugmentSpec(JobSpec):
    """Make and judge the synthetic patches of a batch."""

    kind = "augment"
    queue = "gpu"

    augmentation_id: int


class DemoSpec(JobSpec):
    """Make the demo's slides in a project; a job before this one has made so many of them."""

    kind = "demo"

    project_id: int
    made: int = 0
