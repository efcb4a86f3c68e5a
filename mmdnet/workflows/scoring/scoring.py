"""Scoring: slides through a trained network, in the background; what came out is kept per slide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from db import scores as rows
from db.models import Model, Score, Slide
from db.slides import patches_of
from mmdnet.errors import LabError
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.job_specs import ScoreSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.features import kept_features
from mmdnet.workflows.training.models import model_folder
from mmdnet.workflows.views import ScoreView


class Scoring:
    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def start(self, project_id: int, slide_ids: Sequence[int], model_id: int) -> str:
        """Queue the scoring of these slides; the job's number.

        Raises:
            LabError: no slide was chosen, one has no patches yet, or the model's files are gone.
        """
        if not slide_ids:
            raise LabError("No slide was chosen. Choose at least one.")
        model_folder(self._services, model_id)
        with self._services.db() as session:
            slides = [must_get(session, Slide, slide_id, "slide") for slide_id in slide_ids]
            name = must_get(session, Model, model_id, "model").name
        for slide in slides:
            if slide.project_id != project_id:
                raise LabError(f"{slide.name} belongs to another project.")
            if slide.status != "ready":
                raise LabError(f"{slide.name} cannot be scored yet: {slide.reason or 'it has no patches'}")
        title = f"Score {slides[0].name if len(slides) == 1 else f'{len(slides)} slides'} with {name}"
        return self._jobs.submit(title, ScoreSpec(slide_ids=tuple(slide_ids), model_id=model_id), project_id)

    def score_now(
        self,
        context: JobContext,
        slide_ids: Sequence[int],
        model_id: int,
        steps: Callable[[float, str], None] | None = None,
    ) -> Sequence[tuple[str, str]]:
        """Score slides one by one; each fails alone, and one that this job has scored already is passed over.

        As a part of a larger job, `steps` is told how far it is in place of the job itself.

        Returns:
            Slides that could not be scored, by name, each with the sentence that says why.

        Raises:
            LabError: not one slide could be scored, or the model cannot be used.
        """
        from mmdnet.nn.io import load_model

        model, card = load_model(model_folder(self._services, model_id))
        refused: list[tuple[str, str]] = []
        for number, slide_id in enumerate(slide_ids):
            with self._services.db() as session:
                slide = must_get(session, Slide, slide_id, "slide")
                done = rows.score_of_job(session, context.job_id, slide_id)

            def told(share: float, message: str, number: int = number, name: str = slide.name) -> None:
                (steps or context.progress)(
                    (number + share) / len(slide_ids), f"{name} ({number + 1} of {len(slide_ids)}): {message}"
                )

            if done:
                continue
            try:
                self._score_one(context, model, card, slide, model_id, told)
            except LabError as error:
                refused.append((slide.name, str(error)))
        if len(refused) == len(slide_ids):
            raise LabError(" ".join(sentence for _, sentence in refused[:5]))
        words = f"{len(slide_ids) - len(refused)} of {len(slide_ids)} slides scored"
        told_refused = [f"{name}: {sentence}" for name, sentence in refused]
        if steps is None:
            context.progress(1.0, ". ".join([words, *told_refused[:20]]), refused=told_refused)
        return refused

    def _score_one(self, context: JobContext, model: Any, card: Any, slide: Slide, model_id: int, told: Any) -> None:
        from mmdnet.nn.device import best_device
        from mmdnet.scoring.slide import check_patch_size, score_features
        from mmdnet.workflows.slides.stored_geometry import stored_grid, stored_places

        with self._services.db() as session:
            patches = patches_of(session, slide.id)
        places, grid = stored_places(patches), stored_grid(slide)
        usable = [index for index, patch in enumerate(patches) if patch.set_aside is None or patch.overruled]
        check_patch_size(card, grid)
        features = kept_features(self._services.settings, model, card, slide, places, usable, grid, best_device(), told)
        score = score_features(model, card, features, places, grid, best_device())
        context.check()
        file = self._services.settings.folder("scores") / f"{context.job_id}-{slide.id}.safetensors"
        score.save(file)
        with self._services.db.begin() as session:
            session.add(
                Score(
                    slide_id=slide.id,
                    model_id=model_id,
                    job_id=context.job_id,
                    result=score.summary(),
                    file=file.name,
                )
            )

    def list(self, project_id: int) -> Sequence[ScoreView]:
        """Scores of a project, newest first."""
        with self._services.db() as session:
            return [_view(*row) for row in rows.scores_of(session, project_id)]

    def get(self, score_id: int) -> ScoreView:
        with self._services.db() as session:
            score = must_get(session, Score, score_id, "score")
            slide = must_get(session, Slide, score.slide_id, "slide")
            model = must_get(session, Model, score.model_id, "model")
            return _view(score, slide, model, bool(rows.sign_offs_of(session, score_id)))

    def arrays(self, score_id: int) -> dict[str, np.ndarray]:
        """Per-patch arrays of a score, in the order of the slide's patches (see `SlideScore.arrays`).

        Raises:
            LabError: the file is gone or damaged.
        """
        from mmdnet.scoring.result import read_score

        return read_score(score_file(self._services, score_id))[0]


def score_file(services: Services, score_id: int) -> Path:
    with services.db() as session:
        return services.settings.folder("scores") / must_get(session, Score, score_id, "score").file


def _view(score: Score, slide: Slide, model: Model, signed: bool) -> ScoreView:
    return ScoreView(
        id=score.id,
        slide_id=slide.id,
        slide_name=slide.name,
        model_id=model.id,
        model_name=model.name,
        result=score.result,
        created_at=score.created_at,
        signed=signed,
    )
