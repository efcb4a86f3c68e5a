import pytest

from db.models import Slide
from mmdnet.errors import LabError
from mmdnet.nn.io import load_model
from mmdnet.progress import silent
from mmdnet.settings import DEMO_MODEL
from mmdnet.workflows.scoring.slide_features import features_of
from mmdnet.workflows.services import must_get


def test_a_slides_features_come_with_its_places_and_grid(scored):
    model, card = load_model(DEMO_MODEL)
    services = scored.lab.scoring._services
    with services.db() as session:
        slide = must_get(session, Slide, scored.slide, "slide")
    features, places, grid = features_of(services, model, card, slide, silent)
    assert len(features.values) == len(places) == len(scored.lab.slides.patches(scored.slide))
    assert features.read.any() and grid.patch_px == card.patch_px
    with pytest.raises(LabError, match="µm/px"):
        features_of(services, model, card.model_copy(update={"patch_mpp": 1.0}), slide, silent)
