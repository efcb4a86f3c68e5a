"""import-tiles: 50,000 tiles in the public data set's layout, odd ones among them, taken into a fresh lab."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks._mosaic import tissue_field
from benchmarks.result import Result
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.workflows.slides.ingest.tile_sets import TileImport

SIDE, ACROSS, TILES_A_SLIDE = 299, 20, 400
PICTURES = 96  # different tiles; the others are links to them, so that a folder of 9 GB takes 18 MB
KINDS = ("CNN/ballooning/train/0", "CNN/inflammation/train/2", "CNN/steatosis/val/30", "data/human/tiles/tiles")
LIMIT_S, CORES = 120, 2


@dataclass
class Made:
    """What a made folder holds: what an import has to say of it."""

    tiles: int = 0
    labels: int = 0
    slides: int = 0
    odd: dict[str, int] = field(default_factory=dict)


def run(quick: bool = False) -> Result:
    """Processor-seconds of an import, shared among two cores; the least it can take there with nothing else running.

    `least_wall_s` is never below what one thread does alone (the database's part). `bare_decode_s` is what decoding
    each tile once with Pillow takes, in the same run.
    """
    with TemporaryDirectory() as folder:
        root = Path(folder)
        made = _make(root / "public", root / "pictures", 2_000 if quick else 50_000)
        lab = open_lab(Settings(home=root / "home"))
        project = lab.projects.named("Tiles").id
        wall, processor, alone = time.perf_counter(), time.process_time(), time.thread_time()
        done = lab.tile_sets.add(project, root / "public", lambda share, words: None)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        alone = time.thread_time() - alone
        bare = _bare_decode_s(root / "pictures") * made.tiles
        intact = lab.labels.record.verify().intact
    beside = {
        "reach": LIMIT_S, "reach_is": "most", "tiles": done.tiles, "labels": done.labels, "wall_s": round(wall, 1),
        "processor_s": round(processor, 1), "one_thread_s": round(alone, 1), "bare_decode_s": round(bare, 1),
        "of_bare_decode": round(processor / bare, 2), "counts_exact": _exact(done, made), "log_intact": intact,
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    return Result("import-tiles", max(processor / CORES, alone), "least_wall_s", beside)


def _make(root: Path, pictures: Path, tiles: int) -> Made:
    """The folder: of every slide three quarters of the tiles are graded; the last slide holds the odd ones as well."""
    masters = list(_pictures(pictures))
    made = Made()
    for number in range(tiles):
        slide, place = divmod(number, TILES_A_SLIDE)
        file = root / KINDS[number % len(KINDS)] / f"{slide}_{place % ACROSS}_{place // ACROSS}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        os.link(masters[number % len(masters)], file)
        made.labels += number % len(KINDS) < 3
    made.tiles, made.slides = tiles, -(-tiles // TILES_A_SLIDE)
    fat, ballooned = root / "CNN/steatosis/val/30", root / "CNN/ballooning/train/1"
    ballooned.mkdir(parents=True)
    (fat / "0_40_0.png").write_bytes(masters[0].read_bytes()[:-2000])
    (fat / "0_41_0.png").write_bytes(b"no picture")
    Image.fromarray(np.zeros((200, 200, 3), np.uint8)).save(fat / "0_42_0.png")
    (fat / "notes.txt").write_text("x")
    os.link(masters[0], fat / "tile.png")
    os.link(masters[0], ballooned / "0_0_0.png")
    (root / "ground_truth.csv").write_text("id;steatosis_score\n0;much\n")
    made.odd = {
        "cannot be decoded": 2, "200 × 200": 1, "not named as a tile": 2, "two classes of ballooning": 1,
        "which is no number": 1,
    }  # fmt: skip
    return made


def _pictures(folder: Path) -> Iterator[Path]:
    """Tiles of a field of tissue as PNG, each of another place."""
    tissue, _ = tissue_field()
    folder.mkdir()
    chance = np.random.default_rng(0)
    for number in range(PICTURES):
        top, left = chance.integers(0, len(tissue) - SIDE, 2)
        file = folder / f"{number}.png"
        Image.fromarray(tissue[top : top + SIDE, left : left + SIDE]).save(file)
        yield file


def _exact(done: TileImport, made: Made) -> bool:
    said = "\n".join(done.problems)
    counted = (done.tiles, done.labels, done.slides, len(done.problems))
    return counted == (made.tiles, made.labels, made.slides, sum(made.odd.values())) and all(
        said.count(words) == number for words, number in made.odd.items()
    )


def _bare_decode_s(pictures: Path) -> float:
    """Processor-seconds to decode a tile once."""
    files = sorted(pictures.iterdir())
    began = time.process_time()
    for file in files:
        with Image.open(file) as image:
            image.load()
    return (time.process_time() - began) / len(files)
