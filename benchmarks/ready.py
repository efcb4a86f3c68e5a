"""[ready] From a file chosen to its first patch that can be labelled, beside measuring every patch first."""

import tempfile
import time
from pathlib import Path

from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.result import Result
from mmdnet.lab import open_lab
from mmdnet.settings import Settings

SIDE_PX, QUICK_SIDE_PX = 72_000, 8_000  # at 0.25 µm/px: 72,000 px hold about 14,500 patches, all of them tissue
MEASURED_FOR = 48  # patches measured to know what all would take


def run(quick: bool) -> Result:
    field, where = tissue_field()
    with tempfile.TemporaryDirectory() as folder:
        path = write_mosaic(Path(folder) / "large.svs", QUICK_SIDE_PX if quick else SIDE_PX, 0.25, field)
        lab = open_lab(Settings(home=Path(folder) / "home"))
        project = lab.projects.create("Ready").id
        begin, cpu = time.perf_counter(), time.process_time()
        (outcome,) = lab.slides.register(project, path, measure=False)
        assert outcome.slide_id is not None
        first = next(patch for patch in lab.slides.patches(outcome.slide_id) if patch.usable)
        lab.slides.pictures.patch_jpeg(first.id)
        wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
        patches = lab.slides.get(outcome.slide_id).patches
        measuring_s = _measuring_s(lab.settings, path)
    beside = {
        "reach": 50,
        "seconds_to_first_patch": round(wall, 2),
        "cpu_seconds_to_first_patch": round(cpu, 2),
        "also": {"seconds to the first patch": (round(wall, 2), "most", 3)},
        "patches": patches,
        "measuring_seconds_a_patch": round(measuring_s, 4),
        "tissue": where,
    }
    return Result("ready", (wall + patches * measuring_s) / wall, "times sooner than measured first", beside, 1)


def _measuring_s(settings: Settings, path: Path) -> float:
    """Seconds that measuring a patch takes, by some of them."""
    from mmdnet.slides.measures.fat import read_with_fat
    from mmdnet.slides.measures.quality import assess
    from mmdnet.slides.measures.tissue import find_tissue
    from mmdnet.slides.patches import lay_patches
    from mmdnet.slides.readers.open import open_slide
    from mmdnet.slides.readers.reader import Unreadable

    with open_slide(path) as slide:
        tissue = find_tissue(slide)
        grid, places = lay_patches(slide, tissue, settings.patch_px, settings.patch_mpp)
        near = sorted(places, key=lambda place: (place.row // 4, place.col // 4))[:MEASURED_FOR]
        begin = time.perf_counter()
        for _, pixels, _ in read_with_fat(slide, tissue, near, grid):
            if not isinstance(pixels, Unreadable):
                assess(pixels, grid.patch_mpp)
        return (time.perf_counter() - begin) / len(near)
