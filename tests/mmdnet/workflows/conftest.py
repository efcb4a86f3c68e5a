"""A lab on a temporary home."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.workflows.lab import Lab
from tests.mmdnet.workflows.augmented import finished_once, graded_once, weights  # noqa: F401 - fixtures
from tests.small_lab import draw_tissue


@pytest.fixture
def lab(tmp_path: Path, new_home: Path) -> Lab:
    return open_lab(Settings(home=shutil.copytree(new_home, tmp_path / "home")))


@pytest.fixture
def tissue_png(tmp_path: Path) -> Callable[..., Path]:
    """Draws pictures of tissue into the test's folder."""

    def write(name: str = "field.png", side: int = 900, seed: int = 0) -> Path:
        return draw_tissue(tmp_path / name, seed, side)

    return write
