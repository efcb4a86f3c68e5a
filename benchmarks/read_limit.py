"""[read-limit] One 299 px patch at 0.5 µm/px, beside the bare libjpeg-turbo decode of the bytes it needs.

The two take turns of a tenth of a second, each of ours between two of the bare one, and the median of the turns' ratios
counts: the speed of a shared machine changes from one second to the next.
"""

import statistics
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.read import MPP, SIDE_PX, bare_decode, opened, places_in_block
from benchmarks.result import Result
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX, PatchGrid

ROWS, COLS = 6, 10


def cpu_s(work: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def run(quick: bool) -> Result:
    turns = 15 if quick else 101
    field, content = tissue_field()
    shares, ours_ms, bare_ms = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        path = write_mosaic(Path(folder) / "slide.tiff", SIDE_PX, MPP, field)
        with opened(path) as (slide, forget):
            grid = PatchGrid((0, 0), PATCH_PX, PATCH_MPP, MPP, MPP)
            places = places_in_block(grid, ROWS, COLS)
            bare = bare_decode(path, places, round(grid.side_px0[0]))
            for turn in range(turns + 1):
                forget()
                before = cpu_s(bare)
                ours = cpu_s(lambda: deque(slide.read_patches(places, grid, threads=0), maxlen=0))
                limit = (before + cpu_s(bare)) / 2
                if turn:  # the first turn warms caches
                    shares.append(100 * limit / ours)
                    ours_ms.append(1000 * ours / len(places))
                    bare_ms.append(1000 * limit / len(places))
    quarters = statistics.quantiles(shares, n=4)
    beside = {
        "reach": 80,
        "middle_half_of_turns": [round(quarters[0], 1), round(quarters[2], 1)],
        "ours_cpu_ms": round(statistics.median(ours_ms), 3),
        "bare_decode_cpu_ms": round(statistics.median(bare_ms), 3),
        "tissue": content,
    }
    return Result("read-limit", statistics.median(shares), "% of the limit", beside, turns)
