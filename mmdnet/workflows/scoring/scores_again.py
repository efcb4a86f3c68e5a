"""A score made again from its slide, in the background: whether it comes out as it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db import scores as rows
from db.jobs import jobs_of_spec
from mmdnet.errors import LabError
from mmdnet.progress import Progress
from mmdnet.workflows.context import JobContext, checked
from mmdnet.workflows.job_specs import ScoreAgainSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.scoring.models import guard_of, load_kept
from mmdnet.workflows.scoring.scored_slide import ScoredSlide, load_scored_slide
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.feature_store.extractor import Extractor
from mmdnet.workflows.slides.feature_store.features import compute_features
from mmdnet.workflows.slides.stored_geometry import stored_grid, stored_places
from mmdnet.workflows.views import JobView

if TYPE_CHECKING:
    from mmdnet.reports.verify import Finding
    from mmdnet.scoring.result import SlideScore


class ScoresAgain:
    """Use cases reachable as `lab.scores_again`; a score that is made again is compared and not kept."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def start(self, score_id: int) -> str:
        """Queue a score to be made again; the number of the job, of the one that is at it where there is one.

        Raises:
            LabError: there is no such score.
        """
        last = self.last(score_id)
        if last is not None and last.active:
            return last.id
        with self._services.db() as session:
            _, slide, _ = rows.scored(session, score_id)
        return self._jobs.submit(f"Score of {slide.name} again", ScoreAgainSpec(score_id=score_id), slide.project_id)

    def last(self, score_id: int) -> JobView | None:
        """The newest job that made or makes this score again; None where there is none.

        Raises:
            LabError: there is no such score.
        """
        spec = ScoreAgainSpec(score_id=score_id)
        with self._services.db() as session:
            _, slide, _ = rows.scored(session, score_id)
            known = jobs_of_spec(session, slide.project_id, spec.kind, spec.model_dump(mode="json"))
        return self._jobs.get(known[0]) if known else None

    def run(self, context: JobContext, score_id: int) -> None:
        """Make a score again, and tell as the job's last words whether it came out as it is kept (`finding_of`)."""
        finding = self._finding(score_id, checked(context))
        context.progress(1.0, finding.words, right=finding.right)

    def _finding(self, score_id: int, told: Progress) -> Finding:
        from mmdnet.nn.device import best_device
        from mmdnet.reports.verify import not_made_again, score_finding
        from mmdnet.scoring.again import how_far
        from mmdnet.scoring.result import SlideScore

        try:
            scored = load_scored_slide(self._services, score_id)
            made_on, device = scored.summary.device.partition(",")[0], best_device()
            if made_on != device:
                return not_made_again(f"It was made on {made_on}, and this machine computes on {device}.")
            again = self._again(scored, device, told)
        except LabError as problem:
            return not_made_again(str(problem))
        return score_finding(how_far(SlideScore(scored.summary, scored.arrays), again), scored.summary.device)

    def _again(self, scored: ScoredSlide, device: str, told: Progress) -> SlideScore:
        """The score of the same patches in the same way; features are computed from the pixels, whatever is kept."""
        import numpy as np

        from mmdnet.scoring.choices import ScoringChoices
        from mmdnet.scoring.predict import SlideFeatures
        from mmdnet.scoring.slide import check_patch_size, score_features

        slide, said = scored.slide, scored.summary
        model, card = load_kept(self._services, scored.model.id)
        places, grid = stored_places(scored.patch_rows), stored_grid(slide)
        check_patch_size(card, grid)
        read = np.flatnonzero(scored.arrays.assessed | np.isfinite(scored.arrays.p_ignore))
        values = np.full((len(places), model.width), np.nan, np.float32)
        extractor = Extractor.of(model, device)
        values[read] = compute_features(self._services.settings, extractor, slide, places, read.tolist(), grid, told)
        return score_features(
            model,
            card,
            SlideFeatures(values, said.not_read),
            places,
            grid,
            device,
            ScoringChoices(rule=said.rule, bag_size=said.bag_size, resamples=said.resamples, seed=said.seed),
            guard_of(self._services, scored.model.id),
            slide.staining_run or "",
        )


def finding_of(job: JobView) -> Finding | None:
    """What a job that made a score again came to; None while it waits or runs, or where it failed."""
    from mmdnet.reports.verify import Finding

    return Finding(job.progress.get("right"), job.message) if job.status == "done" else None
