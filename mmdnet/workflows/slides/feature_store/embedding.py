"""Features at once: what the pretrained backbone sees on a slide, computed in the background once it is measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from db.models import Patch, Slide
from db.slides import patches_of, slides_of, work_sizes
from mmdnet.errors import LabError
from mmdnet.nn.registry import PRETRAINED
from mmdnet.progress import Progress, between, part_by_size
from mmdnet.words import count
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.job_specs import FeaturesSpec
from mmdnet.workflows.jobs import MOST_REFUSALS, Jobs
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.measuring import measure_slide
from mmdnet.workflows.slides.stored_geometry import stored_grid, stored_places

if TYPE_CHECKING:
    from mmdnet.scoring.predict import SlideFeatures
    from mmdnet.workflows.slides.feature_store.extractor import Extractor

MEASURED = 0.4  # of a job that measures a slide; the rest is its features
EMBEDDED = 0.9  # of what is computed then, the network's part


class Embedding:
    """Reachable as `lab.slides.embedding`."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def submit(self, project_id: int) -> str:
        """Compute the features of a project's slides in the background; the job's number.

        Raises:
            LabError: no slide has patches yet.
        """
        self._ready(project_id)
        return self._jobs.submit("Features of all slides", FeaturesSpec(project_id=project_id), project_id)

    def measure(self, context: JobContext, slide_id: int) -> None:
        """Measure a slide in the background, then compute its features; one that was removed meanwhile is no fault."""
        with self._services.db() as session:
            if session.get(Slide, slide_id) is None:
                return
        measure_slide(self._services, slide_id, between(context.progress, 0.0, MEASURED))
        why = embed_at_once(self._services, slide_id, between(context.progress, MEASURED, 1.0))
        context.progress(1.0, f"Measured. {why}" if why else "Measured")

    def run(self, context: JobContext, project_id: int) -> None:
        """Compute what is missing, slide by slide; each fails alone, and what was computed before is kept.

        Raises:
            LabError: not one slide's features could be computed.
        """
        done, refused = self.compute(project_id, context.progress)
        told = f"features of {done} of {count(done + len(refused), 'slide')}"
        if refused and not done:
            raise LabError(" ".join(refused[:5]))
        context.progress(1.0, ". ".join([told, *refused[:MOST_REFUSALS]]), refused=refused)

    def compute(self, project_id: int, progress: Progress) -> tuple[int, list[str]]:
        """The same, now: how many slides were done, and the sentences of those that were not.

        Raises:
            LabError: no slide has patches yet.
        """
        refused: list[str] = []
        ready = self._ready(project_id)
        with self._services.db() as session:
            sizes = work_sizes(session, [slide_id for slide_id, _ in ready])
        for number, (slide_id, name) in enumerate(ready):
            try:
                see_slide(self._services, slide_id, part_by_size(progress, number, sizes, name))
            except LabError as error:
                refused.append(f"{name}: {error}")
        return len(ready) - len(refused), refused

    def _ready(self, project_id: int) -> list[tuple[int, str]]:
        with self._services.db() as session:
            ready = [(slide.id, slide.name) for slide in slides_of(session, project_id) if slide.status == "ready"]
        if not ready:
            raise LabError("No slide of this project has patches yet. Add one first; nothing was started.")
        return ready


def slide_features(
    services: Services,
    slide_id: int,
    progress: Progress,
    extractor: Extractor | None = None,
    must_keep: bool = True,
    only: Sequence[int] | None = None,
) -> SlideFeatures:
    """Features of a slide's patches, kept or computed now. What is not measured yet is measured first.

    Args:
        services: of the lab.
        slide_id: which slide.
        progress: told how far it is.
        extractor: what makes them; the pretrained backbone as it comes if not given.
        must_keep: refuse where there is no room to keep them.
        only: the patches wanted, by their place in `db.slides.patches_of`; all usable ones if not given.

    Returns:
        Rows in the order of `db.slides.patches_of`, NaN where a patch is not wanted or could not be read.

    Raises:
        LabError: the slide is gone, has no patches or its file is away, or there is no room to keep its features.
    """
    from mmdnet.workflows.slides.feature_store.extractor import Extractor
    from mmdnet.workflows.slides.feature_store.features import kept_features

    with services.db() as session:
        slide = must_get(session, Slide, slide_id, "slide")
    if slide.status != "ready" or slide.patch_px is None:
        raise LabError(f"{slide.name} has no patches yet, so it has no features.")
    measure_slide(services, slide_id, progress)
    with services.db() as session:
        patches = list(patches_of(session, slide_id))
    extractor = extractor or Extractor.frozen(PRETRAINED, slide.patch_px)
    places, grid = stored_places(patches), stored_grid(slide)
    wanted = usable_of(patches) if only is None else only
    return kept_features(services.settings, extractor, slide, places, wanted, grid, progress, must_keep)


def see_slide(services: Services, slide_id: int, progress: Progress, extractor: Extractor | None = None) -> None:
    """Compute and keep what the light model reads of a slide: its features, and the local density of its patches.

    What is not measured yet is measured first.

    Args:
        services: of the lab.
        slide_id: which slide.
        progress: told how far it is.
        extractor: what makes the features; the pretrained backbone as it comes if not given.

    Raises:
        LabError: the slide is gone, has no patches or its file is away, or there is no room to keep all this.
    """
    from mmdnet.workflows.slides.feature_store.local_densities import keep_densities

    slide_features(services, slide_id, between(progress, 0.0, EMBEDDED), extractor)
    with services.db() as session:
        slide, patches = must_get(session, Slide, slide_id, "slide"), list(patches_of(session, slide_id))
    keep_densities(
        services.settings, slide, stored_places(patches), usable_of(patches), stored_grid(slide),
        between(progress, EMBEDDED, 1.0),
    )  # fmt: skip


def usable_of(patches: Sequence[Patch]) -> list[int]:
    """Which of a slide's patches are used, by their place among them."""
    return [index for index, patch in enumerate(patches) if patch.usable]


def embed_at_once(services: Services, slide_id: int, progress: Progress) -> str:
    """Features of a slide that has just been added; why there are none, or nothing to say.

    Of simulated slides none are made: they are learnt from by the small network of the demo.
    """
    with services.db() as session:
        slide = session.get(Slide, slide_id)
        if slide is None or slide.status != "ready" or slide.simulated:
            return ""
    progress(0.0, "loading the network that computes features")  # which takes longer than some slides
    try:
        see_slide(services, slide_id, progress)
    except LabError as error:
        return str(error)
    return ""
