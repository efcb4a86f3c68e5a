"""Where on a report's patches each grade comes from: made once in the background, kept beside the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from db import scores as rows
from db.jobs import jobs_of_spec
from mmdnet.words import count
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.job_specs import EvidenceMapsSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.scoring.models import load_kept, model_folder
from mmdnet.workflows.scoring.scored_slide import ScoredSlide, evidence_maps_file, load_scored_slide
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.stored_geometry import open_stored, stored_grid, stored_places

if TYPE_CHECKING:
    import numpy as np

    from mmdnet.scoring.cam.evidence_maps import PatchMap


class EvidenceMaps:
    """Use cases reachable as `lab.evidence_maps`; what they made is read through `ScoredSlide.evidence_maps`."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def start(self, score_id: int) -> str:
        """Queue the making of a score's maps; the number of the job, of the one that is at it where there is one.

        Raises:
            LabError: there is no such score, or the model's files are gone.
        """
        with self._services.db() as session:
            _, slide, model = rows.scored(session, score_id)
            known = _jobs_of(session, score_id, slide.project_id)
        model_folder(self._services, model.id)
        spec, title = EvidenceMapsSpec(score_id=score_id), f"Where on the patches of {slide.name}"
        return self._going(known) or self._jobs.submit(title, spec, slide.project_id)

    def making(self, score_id: int) -> str | None:
        """The job that makes the maps of this very score or waits to; None where there is none.

        Raises:
            LabError: there is no such score.
        """
        with self._services.db() as session:
            _, slide, _ = rows.scored(session, score_id)
            known = _jobs_of(session, score_id, slide.project_id)
        return self._going(known)

    def _going(self, jobs: Sequence[str]) -> str | None:
        """The first of these that runs or waits."""
        active = self._services.queue.active() if jobs else ()
        return next((job for job in jobs if job in active), None)

    def run(self, context: JobContext, score_id: int) -> None:
        """Make the maps of a score's evidence, feature by feature; those that are kept are not made again.

        Raises:
            LabError: the score or the slide's file cannot be read, or the model has no map of places.
        """
        from mmdnet.nn.device import best_device
        from mmdnet.scoring.cam.evidence_maps import load_maps, map_patch, save_maps
        from mmdnet.scoring.slide import check_patch_size

        scored = load_scored_slide(self._services, score_id)
        model, card = load_kept(self._services, scored.model.id)
        check_patch_size(card, stored_grid(scored.slide))
        device = best_device()
        model.to(device).eval()
        file, weights = evidence_maps_file(self._services.settings, scored.score), scored.model.weights_sha256
        kept = load_maps(file, weights)
        todo = {name: grades for name, grades in scored.evidence_grades.items() if name not in kept}
        images = _images(scored, sorted({place for grades in todo.values() for place in grades}))
        total, done = sum(map(len, scored.evidence_grades.values())), sum(map(len, kept.values()))
        for name, grades in todo.items():
            made: dict[int, PatchMap] = {}
            for place, grade in grades.items():
                context.check()
                if place in images:  # one that cannot be decoded has none
                    made[place] = map_patch(model, images[place], name, grade, seed=place, device=device)
                done += 1
                context.progress(done / total, f"{done} of {count(total, 'map')}")
            kept[name] = made
            save_maps(file, kept, weights)


def _jobs_of(session: Session, score_id: int, project_id: int) -> list[str]:
    """The jobs that ever were to make the maps of this score."""
    spec = EvidenceMapsSpec(score_id=score_id)
    return jobs_of_spec(session, project_id, spec.kind, spec.model_dump(mode="json"))


def _images(scored: ScoredSlide, places: Sequence[int]) -> dict[int, np.ndarray]:
    """The pixels of these places as the model sees them, uint8 RGB (px, px, 3), but for those that cannot be read."""
    import numpy as np

    if not places:
        return {}
    wanted = stored_places([scored.patch_rows[place] for place in places])
    with open_stored(scored.slide, scored.settings) as reader:
        read = {places[k]: patch for k, patch in reader.read_patches(wanted, stored_grid(scored.slide))}
    return {place: patch for place, patch in read.items() if isinstance(patch, np.ndarray)}
