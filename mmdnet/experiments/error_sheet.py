"""What the patches look like that a model grades wrongly: a sheet of them, the worst first, with what was drawn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from mmdnet.experiments.ablation import home_of
from mmdnet.experiments.attention import lesion_mask
from mmdnet.experiments.simulated_cohorts import draw_cohort
from mmdnet.files import write_aside
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.nn.io import load_model
from mmdnet.simulate.recipes import DRAWN
from mmdnet.simulate.truth import load_truth
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.training.evaluate import pixels_to_features
from mmdnet.training.simulated import corners_of

AT_ONCE = 64
COLUMNS = 8
TITLE_PX = 30  # above each patch
CELL_PX = (TITLE_PX + PATCH_PX, PATCH_PX + 4)


def error_sheet(model: Path, folder: Path, slides: int, cohort_seed: int, picture: Path) -> dict[str, dict[str, int]]:
    """Grade every test patch by itself and draw the wrong ones, one row per task.

    Args:
        model: folder of a model whose card names test slides of this cohort.
        folder: where the simulated slides are kept.
        slides: of the cohort the model was trained on.
        cohort_seed: of that cohort.
        picture: where to draw (.png).

    Returns:
        By task: "patches" judged, "wrong", and "by_more_than_one".

    Raises:
        LabError: no model, or slides that cannot be read.
    """
    net, card = load_model(model)
    drawn = draw_cohort(slides, cohort_seed, home_of(folder, slides, cohort_seed))
    (paths, cohort, pixels), tested = drawn, drawn.tested(card)
    rows = np.flatnonzero(np.isin(cohort.slide_index, tested) & ~cohort.ignored)
    embed = pixels_to_features(net, torch.device("cpu"))
    with torch.no_grad():
        h = torch.cat([embed(pixels.read(rows[at : at + AT_ONCE])) for at in range(0, len(rows), AT_ONCE)])
        graded = {name: p.argmax(dim=1).numpy() for name, p in net.instance_probabilities(h).items()}
    counts, strips = {}, []
    for t, task in enumerate(TASK_NAMES):
        if task not in DRAWN or task not in graded:
            continue
        truth, said = cohort.grades[rows, t].astype(int), graded[task]
        off = np.abs(truth - said)
        counts[task] = {"patches": len(rows), "wrong": int((off > 0).sum()), "by_more_than_one": int((off > 1).sum())}
        cells = []
        for place in np.argsort(-off, kind="stable")[:COLUMNS]:
            if off[place]:
                row = int(rows[place])
                slide = int(cohort.slide_index[row])
                corner = corners_of(paths[slide])[row - int(cohort.patches_of(slide)[0])]
                mask = lesion_mask(load_truth(paths[slide]), task, *corner)
                cells.append(
                    _cell(pixels.read(np.array([row]))[0], mask, f"{task}: drawn {truth[place]}, said {said[place]}")
                )
        cells += [np.full((*CELL_PX, 3), 255, np.uint8)] * (COLUMNS - len(cells))
        strips.append(np.concatenate(cells, axis=1))
    _, data = cv2.imencode(".png", cv2.cvtColor(np.concatenate(strips), cv2.COLOR_RGB2BGR))
    write_aside(picture, data.tobytes())
    return counts


def _cell(patch: np.ndarray, mask: np.ndarray, words: str) -> np.ndarray:
    image = patch.copy()
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, outlines, -1, (255, 255, 0), 1)
    cell = np.full((*CELL_PX, 3), 255, np.uint8)
    cell[TITLE_PX:, :PATCH_PX] = image
    cv2.putText(cell, words, (2, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1, cv2.LINE_AA)
    return cell
