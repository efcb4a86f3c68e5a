"""Make slides: scene, paint, stain, scan, write; one slide, or many beside each other."""

import contextlib
import json
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from pathlib import Path

import cv2
import numpy as np

from mmdnet.errors import LabError
from mmdnet.progress import Progress, silent
from mmdnet.simulate.paint import margin_px, paint
from mmdnet.simulate.recipes import SlideRecipe
from mmdnet.simulate.scanning.artefacts import cover, mask_of, thicken
from mmdnet.simulate.scanning.scanner import Scanner, scan, scanner_named
from mmdnet.simulate.scanning.stain import light_through, stain_density
from mmdnet.simulate.scanning.write import write_pyramid
from mmdnet.simulate.scene import Scene, build_scene
from mmdnet.simulate.texture import Window
from mmdnet.simulate.truth import SlideTruth, truth_of

BLOCK = 1024  # pixels drawn at a time: a multiple of the file's tiles


def render(scene: Scene, window: Window, density: np.ndarray, scanner: Scanner) -> np.ndarray:
    """One window of a slide as the scanner shows it, uint8 RGB of shape (height, width, 3)."""
    margin = margin_px(window.mpp)
    wide = window.grow(margin)
    painted = paint(scene, wide)
    shape = (wide.height, wide.width)
    marks = [(place, mask_of(place, wide.origin_um, shape, wide.mpp)) for place in scene.artefacts]
    if painted is None:
        light = np.ones((*shape, 3), np.float32)
    else:
        dye = painted.dye
        for place, mask in marks:
            if mask is not None and place.kind == "fold":
                thicken(dye, place, mask, wide.mpp)
        light = light_through(dye, density * scanner.contrast)
    for place, mask in marks:
        if mask is not None and place.kind != "fold":
            light = cover(light, place, mask, wide.mpp)
    seen = scan(light, scanner, wide, scene.recipe)
    return seen[margin : margin + window.height, margin : margin + window.width]


def render_field(scene: Scene, x_px0: int, y_px0: int, width: int, height: int) -> np.ndarray:
    """Any rectangle of a slide without writing the slide, uint8 RGB of shape (height, width, 3)."""
    recipe = scene.recipe
    window = Window(x_px0, y_px0, width, height, recipe.mpp)
    return render(scene, window, stain_density(recipe), scanner_named(recipe.scanner))


def simulate_slide(recipe: SlideRecipe, path: Path, progress: Progress = silent, threads: int = 1) -> SlideTruth:
    """Draw a slide and write it, with its truth beside it (`.truth.json`, `.truth.geojson`).

    Args:
        recipe: what to draw; the same recipe gives the same bytes.
        path: of the slide, a `.tiff`.
        progress: told the share that is done.
        threads: blocks drawn at the same time; the bytes do not depend on it.

    Returns:
        The truth.

    Raises:
        LabError: the slide is too small for tissue, or the file cannot be written.
    """
    path = Path(path)
    scene = build_scene(recipe)
    scanner = scanner_named(recipe.scanner)
    truth = truth_of(scene)
    beside = path.with_suffix(".truth.json"), path.with_suffix(".truth.geojson")
    try:
        _save_truth(truth, *beside)  # before the slide: a finished slide always has its truth
        write_pyramid(path, recipe, scanner.quality, _bands(scene, scanner, threads, progress))
    except BaseException:
        for file in beside:
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)
        raise
    return truth


def _save_truth(truth: SlideTruth, record: Path, annotations: Path) -> None:
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        truth.save(record)
        annotations.write_text(json.dumps(truth.to_geojson()), encoding="utf-8")
    except OSError as error:
        raise LabError(f"{record.name} could not be written: {error.strerror or error}. Nothing was kept.") from error


def _bands(scene: Scene, scanner: Scanner, threads: int, progress: Progress) -> Iterator[np.ndarray]:
    """The slide from top to bottom in bands of one block's height, drawn a few blocks ahead."""
    recipe = scene.recipe
    density = stain_density(recipe)
    windows = [
        [
            Window(left, top, min(BLOCK, recipe.width_px - left), min(BLOCK, recipe.height_px - top), recipe.mpp)
            for left in range(0, recipe.width_px, BLOCK)
        ]
        for top in range(0, recipe.height_px, BLOCK)
    ]
    flat = deque(window for row in windows for window in row)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        ahead: deque[Future[np.ndarray]] = deque()

        def refill() -> None:
            while flat and len(ahead) < 2 * threads:
                ahead.append(pool.submit(render, scene, flat.popleft(), density, scanner))

        for done, row in enumerate(windows, start=1):
            blocks = []
            for _ in row:
                refill()
                blocks.append(ahead.popleft().result())
            yield np.concatenate(blocks, axis=1)
            progress(done / len(windows), "drawing")


def _start_process() -> None:
    """In each process: one thread, as the processes share the cores already, and an end when the parent is gone."""
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def simulate_many(
    recipes: Sequence[SlideRecipe], folder: Path, processes: int = 2, progress: Progress = silent
) -> list[Path]:
    """Make many slides, several at a time, each `<recipe name>.tiff` with its truth beside it.

    Args:
        recipes: with different names.
        folder: made when absent.
        processes: slides drawn at the same time; 1 starts no process.
        progress: told the share of slides done.

    Returns:
        The slides' paths in the order of the recipes.

    Raises:
        LabError: a slide could not be made; those before it stay.
    """
    folder = Path(folder)
    paths = [folder / f"{recipe.name}.tiff" for recipe in recipes]
    if processes <= 1 or len(recipes) < 2:
        for index, (recipe, path) in enumerate(zip(recipes, paths, strict=True)):
            simulate_slide(recipe, path)
            progress((index + 1) / len(recipes), f"{index + 1} of {len(recipes)}")
        return paths
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=processes, mp_context=context, initializer=_start_process) as pool:
        waiting = [pool.submit(simulate_slide, recipe, path) for recipe, path in zip(recipes, paths, strict=True)]
        try:
            for done, finished in enumerate(as_completed(waiting), start=1):
                finished.result()
                progress(done / len(recipes), f"{done} of {len(recipes)}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return paths
