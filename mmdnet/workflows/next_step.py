"""The next sensible step in a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmdnet.words import count
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.scoring.models import Models
from mmdnet.workflows.scoring.views import ScoreView
from mmdnet.workflows.slides.views import SlideView
from mmdnet.workflows.training.training import Training
from mmdnet.workflows.views import ProjectView
from mmdnet.workflows.worklist import unsigned

ENOUGH_LABELS = 60  # below this a training is possible, but more labels are the better step
ENOUGH_GRADED = 10  # slides with grades of their own, from which a training is worth starting


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one thing to do now: a sentence, the page where it is done, the words on the button; the score or slide.

    `done`: nothing is left to do; the button leads to what came of it.
    """

    sentence: str
    page: str
    button: str
    score_id: int | None = None
    slide_id: int | None = None
    done: bool = False


class Overview:
    def __init__(self, models: Models, jobs: Jobs, training: Training) -> None:
        self._models = models
        self._jobs = jobs
        self._training = training

    def next_step(
        self, project: ProjectView, slides: Sequence[SlideView], leading: Mapping[int, ScoreView]
    ) -> NextStep:
        """What to do now in a project with these slides, in the order slides, labels, training, scores, reports.

        Args:
            project: with what it holds.
            slides: of it.
            leading: by slide the score that leads (`Scoring.leading`).
        """
        running = {job.kind for job in self._jobs.list(project.id, active=True)}
        own_model = any(model.project_id == project.id for model in self._models.list(project.id))
        if not slides:
            if running & {"demo", "ingest"}:
                return NextStep(
                    "Slides are being added. They appear here as they come in.", "slides", "Watch the slides"
                )
            return NextStep("There are no slides yet. Add a file or a folder.", "slides", "Add slides")
        waiting = [slide for slide in slides if slide.status == "needs_mpp"]
        if waiting:
            names = waiting[0].name if len(waiting) == 1 else f"{len(waiting)} slides"
            sentence = f"{names}: the file does not say how large its pixels are."
            return NextStep(sentence, "slides", "Enter µm per pixel", slide_id=waiting[0].id)
        if "train" in running:
            return NextStep("A network is being trained. It can be left alone.", "train", "Watch the training")
        if "score" in running:
            return NextStep("Slides are being scored.", "score", "Watch the scoring")
        enough = project.graded_slides >= ENOUGH_GRADED
        labelled = f"{count(project.labelled_patches, 'patch carries', 'patches carry')} a label"
        if enough and not own_model and not project.scored_slides:
            graded = count(project.graded_slides, "slide carries", "slides carry")
            return self._train(project, f"{graded} grades of the whole slide")
        if project.labelled_patches == 0 and not project.scored_slides and not enough:
            ready = (
                "Slides are still being added or measured; those that are here" if "ingest" in running else "The slides"
            )
            sentence = f"{ready} are ready. Grade some patches of each, or bring the slides' own grades as a table."
            return NextStep(sentence, "label", "Label patches")
        if not own_model and project.labelled_patches < ENOUGH_LABELS and not project.scored_slides:
            sentence = f"{labelled}; {ENOUGH_LABELS} or more make a better start."
            return NextStep(sentence, "label", "Go on labelling")
        if not own_model and not project.scored_slides:
            return self._train(project, labelled)
        if project.scored_slides < project.ready_slides:
            left = project.ready_slides - project.scored_slides
            return NextStep(
                f"{left} of {count(project.ready_slides, 'slide')} not scored yet.",
                "score",
                "Score slides",
            )
        left_to_sign = unsigned(slides, leading)
        if left_to_sign:
            sentence = f"{len(left_to_sign)} of {count(len(leading), 'report')} not signed yet."
            return NextStep(sentence, "report", "Open the next report", left_to_sign[0])
        return NextStep("Every slide is scored and every report is signed.", "report", "Open the reports", done=True)

    def _train(self, project: ProjectView, there: str) -> NextStep:
        """A training; or what it still needs, if it could not begin or its scores could not be reported."""
        told = self._training.readiness(project.id, {})
        if told.unjudged:
            return NextStep(f"{there}. A network could learn from them, but {told.unjudged}", "slides", "Add slides")
        if not told.ready:
            return NextStep(f"{there}. Before a training: {told.sentence}", "train", "See what is missing")
        return NextStep(f"{there}: a network can learn from them.", "train", "Train a network")
