"""[embed] A patch of a slide to its features, reading included: the chosen engine beside torch, and the same result."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.read import MPP, SIDE_PX, opened, places_in_block
from benchmarks.result import Result, cpu_ms
from mmdnet.nn.card import ModelCard
from mmdnet.nn.device import PATCHES_AT_ONCE
from mmdnet.nn.engines import SAMPLE, WORTHWHILE, Embedder, embedder_for, frozen_network, least_cosine, torch_embedder
from mmdnet.nn.io import load_model
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.nn.registry import PRETRAINED
from mmdnet.scoring.predict import SlideFeatures
from mmdnet.scoring.slide import score_features
from mmdnet.settings import DEMO_MODEL
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX, PatchGrid, PatchPlace
from mmdnet.slides.readers.reader import SlideReader

REACH = 3.5


def run(quick: bool = False) -> Result:
    """How many times less processor time the chosen engine takes than torch, one thread, both with reading.

    `value` is of the default backbone. Beside it: the least cosine of a patch's features between the two, and whether
    the demo model gives the slide the same grades by either.
    """
    torch.set_num_threads(1)
    rows, cols, runs = (4, 8, 2) if quick else (8, 12, 5)
    field, content = tissue_field()
    net = frozen_network(PRETRAINED, PATCH_PX)
    demo, card = load_model(DEMO_MODEL)
    with tempfile.TemporaryDirectory() as folder:
        path = write_mosaic(Path(folder) / "slide.tiff", SIDE_PX, MPP, field)
        with opened(path) as (slide, forget):
            grid = PatchGrid((0, 0), PATCH_PX, PATCH_MPP, MPP, MPP)
            places = places_in_block(grid, rows, cols)
            images = np.stack([patch for _, patch in slide.read_patches(places, grid, threads=0)])
            plain, chosen = _pair(net, images)
            cases = {
                "torch": lambda: _features(slide, places, grid, plain),
                "chosen": lambda: _features(slide, places, grid, chosen),
                "reading": lambda: [patch for _, patch in slide.read_patches(places, grid, threads=0)],
            }
            took = cpu_ms(cases, runs, len(places), forget)
            cosine = least_cosine(_features(slide, places, grid, plain), _features(slide, places, grid, chosen))
            grades = [_grades(demo, card, slide, places, grid, embedder) for embedder in _pair(demo, images)]
    beside = {
        "reach": REACH,
        **{f"{name}_cpu_ms": round(ms, 2) for name, ms in took.items()},
        "engine": chosen.engine,
        "least_cosine": round(cosine, 7),
        "slide_grades_equal": grades[0] == grades[1],
        "tissue": content,
        "patches": len(places),
    }
    return Result("embed", took["torch"] / took["chosen"], "times less", beside, runs)


def _pair(net: MMDNet, images: np.ndarray) -> tuple[Embedder, Embedder]:
    """Torch, and the engine that is chosen for a whole slide."""
    return torch_embedder(net), embedder_for(net, "cpu", WORTHWHILE, images[:SAMPLE], None)


def _features(slide: SlideReader, places: list[PatchPlace], grid: PatchGrid, embedder: Embedder) -> np.ndarray:
    """Features of patches as they are read, some at once."""
    done, waiting = [], []
    for _, patch in slide.read_patches(places, grid, threads=0):
        waiting.append(patch)
        if len(waiting) == PATCHES_AT_ONCE:
            done.append(embedder.embed(np.stack(waiting)))
            waiting = []
    return np.concatenate([*done, embedder.embed(np.stack(waiting))] if waiting else done)


def _grades(
    model: MMDNet, card: ModelCard, slide: SlideReader, places: list[PatchPlace], grid: PatchGrid, embedder: Embedder
) -> dict[str, int | None]:
    score = score_features(model, card, SlideFeatures(_features(slide, places, grid, embedder), {}), places, grid)
    return {name: task.grade for name, task in score.summary.tasks.items()}
