"""One small slide with every kind of lesion, drawn once for all tests of the simulator."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from mmdnet.simulate import SlideRecipe, SlideTruth, simulate_slide
from mmdnet.simulate.scene import Scene, build_scene

ILL = {"ballooning": 2, "inflammation": 3, "steatosis": 2}


@dataclass(frozen=True)
class Made:
    recipe: SlideRecipe
    path: Path
    truth: SlideTruth
    scene: Scene


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    recipe = SlideRecipe(seed=3, grades=ILL, width_px=1500, height_px=1300, artefacts=0.0)
    path = tmp_path_factory.mktemp("simulated") / "ill.tiff"
    truth = simulate_slide(recipe, path)
    return Made(recipe, path, truth, build_scene(recipe))
