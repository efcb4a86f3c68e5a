"""A lab on a temporary home."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.workflows.lab import Lab


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as a first start leaves it, to be copied: making its databases takes ten times as long."""
    home = tmp_path_factory.mktemp("new") / "home"
    open_lab(Settings(home=home))
    return home


@pytest.fixture
def lab(tmp_path: Path, new_home: Path) -> Lab:
    return open_lab(Settings(home=shutil.copytree(new_home, tmp_path / "home")))


def draw_tissue(path: Path, side: int = 900, seed: int = 0) -> Path:
    """A plain picture of pink noise on glass, with purple dots: enough to be tissue to the finder."""
    import cv2

    rng = np.random.default_rng(seed)
    picture = np.full((side, side, 3), 244, np.uint8)
    inner = side - 120
    pink = np.array([205, 150, 190]) + rng.normal(0, 12, (inner, inner, 3))
    picture[60:-60, 60:-60] = np.clip(pink, 0, 255).astype(np.uint8)
    for x, y in rng.integers(70, side - 70, (side // 3, 2)):
        cv2.circle(picture, (int(x), int(y)), 5, (90, 50, 130), -1)
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture
def tissue_png(tmp_path: Path) -> Callable[..., Path]:
    """Draws pictures of tissue into the test's folder."""

    def write(name: str = "field.png", side: int = 900, seed: int = 0) -> Path:
        return draw_tissue(tmp_path / name, side, seed)

    return write
