"""[read-exact] Pixels of 1,000 random windows before resizing, beside OpenSlide's: the largest difference."""

import contextlib
import random
import tempfile
from pathlib import Path

import numpy as np
import openslide

from benchmarks._mosaic import real_data, tissue_field, write_mosaic
from benchmarks.result import Result
from mmdnet.slides.geometry import Window
from mmdnet.slides.readers.formats import format_of

WAYS = (("420", 6, 256), ("422", 6, 240), ("444", 6, 512), ("444", 2, 256))


def largest_difference(path: Path, windows: int, seed: int) -> tuple[int, str]:
    """Over random windows of all levels, at places that OpenSlide can be asked for exactly."""
    chance = random.Random(seed)
    largest = 0
    facts, source = format_of(path).open(path, None)
    with contextlib.closing(source):
        other = openslide.OpenSlide(path)
        for _ in range(windows):
            index = chance.randrange(len(facts.levels))
            level, down = facts.levels[index], round(other.level_downsamples[index])
            exact = abs(other.level_downsamples[index] - down) < 1e-9
            width, height = (chance.randint(1, min(700, side)) for side in (level.width_px, level.height_px))
            x = chance.randrange(level.width_px - width + 1) if exact else 0
            y = chance.randrange(level.height_px - height + 1) if exact else 0
            ours = source.read(Window(index, x, y, width, height))
            theirs = np.asarray(other.read_region((x * down, y * down), index, (width, height)))[..., :3]
            largest = max(largest, int(np.abs(ours.astype(np.int16) - theirs).max()))
        return largest, facts.reader


def run(quick: bool) -> Result:
    windows = 120 if quick else 1000
    field, content = tissue_field()
    by_slide: dict[str, object] = {}
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        slides = []
        for subsampling, photometric, tile in WAYS:
            name = f"{subsampling}-{'ycbcr' if photometric == 6 else 'rgb'}-{tile}"
            path = Path(folder) / f"{name}.tiff"
            slides.append(write_mosaic(path, 6016, 0.25, field, (1, 4, 16), 80, subsampling, photometric, tile))
        data = real_data()
        if data is not None:
            slides += [data / "slides" / "cmu-1-small-region.svs", data / "slides" / "liver_he_fields.svs"]
        for number, path in enumerate(slides):
            difference, reader = largest_difference(path, windows // len(slides) + 1, number)
            by_slide[path.name] = {"largest_difference": difference, "reader": reader}
            worst = max(worst, difference)
        count = (windows // len(slides) + 1) * len(slides)
    beside = {"reach": 0, "reach_is": "most", "windows": count, "tissue": content, **by_slide}
    return Result("read-exact", worst, "grey levels, largest difference", beside, 1)
