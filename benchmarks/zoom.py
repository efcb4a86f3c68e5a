"""[zoom] Tiles of a 30,000 px slide as the tile route makes them: time of one, and of a screenful."""

import random
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.result import Result
from mmdnet.slides.open import open_slide
from mmdnet.slides.zoom import TILE, ZoomPyramid

SIDE_PX = 30_000
SCREEN = (1440, 900)


def screenful(pyramid: ZoomPyramid, chance: random.Random) -> list[float]:
    """Seconds for each tile that a screen shows at a random place and zoom."""
    level = chance.randint(pyramid.max_level - 6, pyramid.max_level)
    side = -(-SIDE_PX // 2 ** (pyramid.max_level - level))
    most = -(-side // TILE)
    across, down = (min(most, -(-min(length, side) // TILE) + 1) for length in SCREEN)
    left, top = chance.randint(0, most - across), chance.randint(0, most - down)
    times = []
    for row in range(top, top + down):
        for col in range(left, left + across):
            start = time.perf_counter()
            pyramid.tile(level, col, row)
            times.append(time.perf_counter() - start)
    return times


def run(quick: bool) -> Result:
    views = 10 if quick else 40
    chance = random.Random(0)
    took: list[float] = []
    single: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = write_mosaic(Path(folder) / "slide.tiff", SIDE_PX, 0.25, tissue_field()[0])
        with open_slide(path) as slide:
            pyramid = ZoomPyramid(slide)
            for _ in range(views):
                times = screenful(pyramid, chance)
                single += times
                took.append(sum(times))
    beside = {
        "reach": 1.0,
        "note": "the tile route's work only, on one thread; no browser and no heat layer",
        "one_tile_p95_s": round(float(np.percentile(single, 95)), 4),
    }
    return Result("zoom", float(np.percentile(took, 95)), "s, p95 of all visible tiles", beside, views)
