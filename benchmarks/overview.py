"""[overview] The second overview of a slide of one level, and of a strip TIFF, beside one read from the file.

The lab draws it as the Slides page does: a thumbnail, from the file or from the reduced level kept of it.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.result import Result
from db.models import Slide
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.slides.readers.open import open_slide
from mmdnet.workflows.slides.stored_geometry import open_stored
from mmdnet.workflows.slides.stores import with_reduced

SIDE_PX, QUICK_SIDE_PX = 15_360, 8_192
THUMBNAIL_PX = 1200
RUNS = 5


def cpu_s(path: Path, home: Path) -> dict[str, float]:
    """Processor seconds of an overview read from the file, of the first in a lab, and of the second, newly opened."""
    with open_slide(path, mpp=0.25) as slide:
        begin = time.process_time()
        slide.thumbnail(THUMBNAIL_PX)
        file_s = time.process_time() - begin
    settings = Settings(home=home)
    lab = open_lab(settings)
    project = lab.projects.named("Overview").id
    begin = time.process_time()
    (outcome,) = lab.slides.register(project, path, measure=False)
    assert outcome.slide_id is not None, outcome.problem
    lab.slides.pictures.thumbnail(outcome.slide_id, THUMBNAIL_PX)
    first_s = time.process_time() - begin
    with lab.db() as session:
        row = session.get(Slide, outcome.slide_id)
    again = []
    for _ in range(RUNS):
        with with_reduced(open_stored(row, settings), settings) as slide:
            begin = time.process_time()
            slide.thumbnail(THUMBNAIL_PX)
            again.append(time.process_time() - begin)
    return {"from_the_file": file_s, "added_and_first": first_s, "second": float(np.median(again))}


def run(quick: bool) -> Result:
    side = QUICK_SIDE_PX if quick else SIDE_PX
    field, where = tissue_field()
    with tempfile.TemporaryDirectory() as folder:
        one_level = write_mosaic(Path(folder) / "one.tif", side, 0.25, field, (1,))
        strips = Path(folder) / "strips.tif"
        repeats = -(-side // field.shape[0])
        whole = np.tile(field, (repeats, repeats, 1))[:side, :side]
        scale = {"resolution": (40_000, 40_000), "resolutionunit": "CENTIMETER"}
        tifffile.imwrite(strips, whole, photometric="rgb", compression="lzw", rowsperstrip=16, metadata=None, **scale)
        del whole
        seconds = {path.stem: cpu_s(path, Path(folder) / f"home-{path.stem}") for path in (one_level, strips)}
    rounded = {name: {key: round(value, 4) for key, value in each.items()} for name, each in seconds.items()}
    beside = {
        "reach": 0.05,
        "reach_is": "most",
        **rounded,
        "also": {"CPU s of a strip TIFF's": (rounded["strips"]["second"], "most", 0.05)},
        "side_px": side,
        "tissue": where,
    }
    return Result("overview", seconds["one"]["second"], "CPU s, the second overview", beside, RUNS)
