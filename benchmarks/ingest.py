"""[ingest] Processor time of a patch that is added and measured in full (tissue, grid, quality, fat), at 0.25 µm/px."""

import tempfile
import time
from pathlib import Path

from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.result import Result
from mmdnet.progress import silent
from mmdnet.settings import Settings
from mmdnet.slides.readers.open import open_slide
from mmdnet.workflows.slides.ingest.survey import survey

SIDE_PX, QUICK_SIDE_PX = 12_000, 4_800


def run(quick: bool) -> Result:
    field, where = tissue_field()
    side = QUICK_SIDE_PX if quick else SIDE_PX
    with tempfile.TemporaryDirectory() as folder:
        path = write_mosaic(Path(folder) / "slide.svs", side, 0.25, field)
        settings = Settings(home=Path(folder) / "home")
        begin, cpu = time.perf_counter(), time.process_time()
        with open_slide(path) as slide:
            patches = len(survey(slide, settings, silent).patches)
        wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    cores = round(cpu / wall, 2)
    beside = {
        "reach": 18,
        "reach_is": "most",
        "also": {"cores used": (cores, "least", 1.8)},
        "wall_seconds": round(wall, 2),
        "patches": patches,
        "tissue": where,
    }
    return Result("ingest", 1000 * cpu / patches, "CPU ms a patch, all measured", beside, 1)
