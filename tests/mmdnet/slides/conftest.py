"""Slides made for the tests, in all the shapes that go wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks._mosaic import write_mosaic
from mmdnet.errors import LabError
from mmdnet.slides.readers.open import open_slide


@pytest.fixture(scope="session")
def field() -> np.ndarray:
    """Textured colour, 512 px: every window of it is different."""
    chance = np.random.default_rng(7)
    coarse = chance.integers(60, 240, (64, 64, 3)).astype(np.uint8)
    return np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)


@pytest.fixture(scope="session")
def odd_pyramid(tmp_path_factory: pytest.TempPathFactory, field: np.ndarray) -> Path:
    """A JPEG pyramid whose sides divide by nothing: 1501, 376 and 94 px; 0.25 µm/px."""
    return write_mosaic(tmp_path_factory.mktemp("odd") / "odd.tiff", 1501, 0.25, field)


@pytest.fixture(scope="session")
def one_level(tmp_path_factory: pytest.TempPathFactory, field: np.ndarray) -> Path:
    """A slide of one level, 1501 px, tiles of 256 px; 0.25 µm/px."""
    return write_mosaic(tmp_path_factory.mktemp("one") / "one.tiff", 1501, 0.25, field, (1,))


@pytest.fixture
def refusal() -> Callable[..., str]:
    """Opens what cannot be opened and gives the sentence that says why."""

    def refuse(path: Path, **given: float) -> str:
        with pytest.raises(LabError) as caught:
            open_slide(path, **given)
        assert "Traceback" not in str(caught.value)
        return str(caught.value)

    return refuse
