"""A slide's kept features with its places and grid: what scoring and calibrating begin with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from db.models import Slide
from db.slides import patches_of
from mmdnet.progress import Progress
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.feature_store.extractor import Extractor
from mmdnet.workflows.slides.feature_store.features import kept_features
from mmdnet.workflows.slides.fetched.place import is_gone
from mmdnet.workflows.slides.fetched.servers import AwayError

if TYPE_CHECKING:
    from mmdnet.nn.card import ModelCard
    from mmdnet.nn.mmdnet import MMDNet
    from mmdnet.scoring.predict import SlideFeatures
    from mmdnet.slides.geometry import PatchGrid, PatchPlace


def features_of(
    services: Services, model: MMDNet, card: ModelCard, slide: Slide, told: Progress
) -> tuple[SlideFeatures, Sequence[PatchPlace], PatchGrid]:
    """Features of a slide's usable patches by this model, kept or computed now; all its places; its grid.

    A slide whose patches were not measured yet is measured first.

    Raises:
        LabError: the patches are of another size than the model's, or the slide's file is gone.
    """
    from mmdnet.nn.device import best_device
    from mmdnet.scoring.slide import check_patch_size
    from mmdnet.workflows.slides.feature_store.embedding import usable_of
    from mmdnet.workflows.slides.measuring import measure_slide
    from mmdnet.workflows.slides.stored_geometry import open_stored, stored_grid, stored_places

    with suppress(AwayError):  # features may be kept while a slide's disk or server is away, but not of another file
        if not is_gone(slide.path):
            open_stored(slide, services.settings, told).close()
    measure_slide(services, slide.id, told)
    with services.db() as session:
        patches = patches_of(session, slide.id)
    places, grid = stored_places(patches), stored_grid(slide)
    check_patch_size(card, grid)
    extractor = Extractor.of(model, best_device())
    features = kept_features(services.settings, extractor, slide, places, usable_of(patches), grid, told)
    return features, places, grid
