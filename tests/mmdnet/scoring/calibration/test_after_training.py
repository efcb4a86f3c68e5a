import numpy as np
import pytest

from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.bags.splits import Split
from mmdnet.nn.io import load_model, save_model
from mmdnet.scoring.calibration.after_training import calibrate
from mmdnet.settings import DEMO_MODEL
from tests.nas import columns

PATCHES = 800


class Noise:
    """Patches of noise, as dark as their number says."""

    def __init__(self, patches: int) -> None:
        self.patches = patches

    def __len__(self) -> int:
        return self.patches

    def read(self, indices: np.ndarray) -> np.ndarray:
        random = np.random.default_rng(0)
        return np.stack([random.integers(0, 60 + int(i) % 190, (64, 64, 3)).astype(np.uint8) for i in indices])


@pytest.fixture
def folder(tmp_path):
    """A copy of the demo model whose card knows no thresholds."""
    model, card = load_model(DEMO_MODEL)
    save_model(model, tmp_path, card.model_copy(update={"calibration": None}))
    return tmp_path


def cohort(graded: bool) -> Cohort:
    slides = tuple(SlideInfo(slide_id=n + 1, patient=f"P{n}") for n in range(5))
    grades = columns(np.tile(np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2], [0, 3, 3]], np.int8), (PATCHES // 4, 1)))
    return Cohort(
        slides=slides,
        patch_id=np.arange(PATCHES),
        slide_index=np.repeat(np.arange(5), PATCHES // 5),
        grades=grades if graded else np.full_like(grades, -1),
        ignored=np.zeros(PATCHES, bool),
    )


SPLIT = Split((0,), (1, 2, 3, 4), (), "patient", 0)


def test_thresholds_of_validation_patches_go_into_the_card(folder):
    _, before = load_model(folder)
    card = calibrate(folder, cohort(graded=True), Noise(PATCHES), SPLIT)
    _, read = load_model(folder)
    assert read == card
    assert before.calibration is None
    fits = card.calibration["threshold_fits"]
    assert set(fits) == {"ballooning", "inflammation"}
    assert card.calibration["lines"] == {name: fit["threshold"] for name, fit in fits.items() if fit["used"]}
    assert all(0.2 <= fit["threshold"] <= 0.8 and fit["patients"] == 4 for fit in fits.values())
    assert card.weights_sha256 == before.weights_sha256


def test_without_graded_validation_patches_the_card_stays_as_it_is(folder):
    written = (folder / "card.json").read_bytes()
    _, before = load_model(folder)
    assert calibrate(folder, cohort(graded=False), Noise(PATCHES), SPLIT) == before
    assert (folder / "card.json").read_bytes() == written
