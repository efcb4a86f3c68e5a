"""Patches of many slides are read as if they lay in one array, in any order."""

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.progress import silent
from mmdnet.slides.facts import StatedFacts
from mmdnet.slides.readers.open import open_slide
from mmdnet.workflows.training.pixels import PatchPixels


class Store:
    """Patches of one slide in memory: every pixel of patch `i` is `first + i`."""

    def __init__(self, first: int, count: int) -> None:
        self.images = np.arange(first, first + count, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)

    def read(self, indices: np.ndarray) -> np.ndarray:
        return self.images[indices]


def test_positions_of_several_stores_are_read_in_the_order_asked_for():
    pixels = PatchPixels([Store(0, 3), Store(100, 3)], [(1, 2), (0, 0), (1, 0), (0, 1)])
    assert len(pixels) == 4
    assert pixels.read(np.array([3, 0, 1, 2, 0]))[:, 0, 0, 0].tolist() == [1, 102, 0, 100, 102]


@pytest.fixture
def two_slides(lab, tissue_png):
    """Two registered pictures: their paths and patches."""
    project = lab.projects.create("Pixels").id
    paths = [tissue_png(f"s{number}.png", seed=number) for number in range(2)]
    slides = [lab.slides.register(project, path, StatedFacts(mpp=0.5))[0].slide_id for path in paths]
    return paths, [lab.slides.patches(slide) for slide in slides]


def test_the_pixels_of_a_labs_patches_are_those_of_its_slides(lab, two_slides):
    paths, patches = two_slides
    wanted = [(1, patches[1][0]), (0, patches[0][-1]), (0, patches[0][0])]
    told: list[str] = []
    with lab.db() as session:
        pixels = PatchPixels.of(
            session, lab.settings, [patch.id for _, patch in wanted], lambda share, said, **_: told.append(said)
        )
    read = pixels.read(np.arange(3))
    assert [said.split(",")[0] for said in dict.fromkeys(told)] == [
        "decoding patches: 0 of 3",
        "decoding patches: 2 of 3",
    ]
    for image, (slide, patch) in zip(read, wanted, strict=True):
        with open_slide(paths[slide], mpp=0.5) as reader:
            region = reader.read_patch(patch.x_px0, patch.y_px0)
        assert np.array_equal(image, region)


def test_a_slide_whose_file_is_gone_is_named(lab, two_slides):
    paths, patches = two_slides
    paths[0].unlink()
    with lab.db() as session, pytest.raises(LabError, match=r"s0\.png"):
        PatchPixels.of(session, lab.settings, [patches[0][0].id], silent)
