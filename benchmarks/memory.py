"""[memory] Peak memory of reading a 100,000 px slide, beside a 10,000 px one; each in a process of its own."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.result import Result

SMALL, LARGE = 10_000, 100_000
CHILD = r"""
import json, re, resource, sys
from collections import deque
from mmdnet.slides.geometry import PatchPlace
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.patches import patch_grid
from mmdnet.slides.measures.tissue import find_tissue
path, rows, whole = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "whole"
with open_slide(path) as slide:
    if whole:
        area = find_tissue(slide).area_mm2
    grid = patch_grid(slide)
    down, across = grid.shape_in(slide.facts.width_px0, slide.facts.height_px0)
    places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(min(rows, down)) for c in range(across)]
    deque(slide.read_patches(places, grid, threads=2), maxlen=0)
try:  # Linux counts what the process that started this one held before it became this one into ru_maxrss
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1]) / 1024
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"patches": len(places), "peak_mib": round(peak, 1)}))
"""


def peak(path: Path, rows: int, whole: bool) -> dict[str, float]:
    """Peak memory in MiB of a fresh process that reads the first rows of patches, and finds the tissue where whole."""
    command = [sys.executable, "-c", CHILD, str(path), str(rows), "whole" if whole else "patches"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run(quick: bool) -> Result:
    field, _ = tissue_field()
    rows = 4 if quick else 16
    with tempfile.TemporaryDirectory() as folder:
        paths = [write_mosaic(Path(folder) / f"{side}.tiff", side, 0.25, field) for side in (SMALL, LARGE)]
        small, large = (peak(path, rows, whole=False) for path in paths)
        small_tissue, large_tissue = (peak(path, 2, whole=True) for path in paths)
    beside = {
        "reach": 1.2,
        "reach_is": "most",
        "small": small,
        "large": large,
        "also": {
            "times with finding tissue": (round(large_tissue["peak_mib"] / small_tissue["peak_mib"], 3), "most", 1.2)
        },
        "with_tissue_mask": {"small": small_tissue, "large": large_tissue},
    }
    return Result("memory", large["peak_mib"] / small["peak_mib"], "times the peak of a 10,000 px slide", beside, 1)
