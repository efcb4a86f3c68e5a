"""Does the network look where the lesions are? Measured on test slides of a model trained on simulated slides.

Two questions, each beside what looking everywhere alike would give:

* attention: what share of a natural bag's attention lies on patches that hold the task's lesion;
* Grad-CAM++: what share of a bag's heat lies inside the drawn outlines of the lesions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np

from mmdnet.bags.bag import Bag, natural_bags
from mmdnet.bags.cohort import Cohort
from mmdnet.experiments.ablation import SHARE_ENDS, Interval, home_of, interval
from mmdnet.experiments.simulated_cohorts import draw_cohort
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.nn.io import load_model
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.scoring.cam.grad_cam import BagCam, bag_cam
from mmdnet.simulate.truth import SlideTruth, load_truth
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.training.simulated import corners_of

NEAR_PX = 16  # 8 µm, one place of the small backbone's last map


@dataclass(frozen=True)
class Looked:
    """One bag in one task: shares of attention and of heat on lesions, and the same for looking everywhere alike."""

    task: str
    attention: float
    patches: float
    top_hits: bool
    heat: float
    heat_near: float
    area: float
    area_near: float


class NoBags(TypedDict):
    """No bag held patches with and without the lesion."""

    bags: int


class TaskAttention(NoBags):
    """Means over a task's bags: shares of attention and of heat on lesions, and what looking everywhere would give."""

    attention_on_lesions: Interval
    patches_with_lesions: Interval
    top_patch_holds_one: float
    heat_inside: Interval
    area_inside: Interval
    heat_within_8_um: Interval
    area_within_8_um: Interval


class AttentionResult(TypedDict):
    """What was found on all test bags, and by task."""

    bags: int
    tasks: dict[str, TaskAttention | NoBags]


def attention_experiment(
    model: Path, folder: Path, slides: int, cohort_seed: int, picture: Path | None = None
) -> AttentionResult:
    """Look at every test bag that holds patches with and without a task's lesion.

    Args:
        model: folder of a model whose card names test slides of this cohort.
        folder: where the simulated slides are kept.
        slides: of the cohort the model was trained on.
        cohort_seed: of that cohort.
        picture: where to draw examples (.png).

    Raises:
        LabError: no model, or slides that cannot be read.
    """
    net, card = load_model(model)
    drawn = draw_cohort(slides, cohort_seed, home_of(folder, slides, cohort_seed))
    (paths, cohort, pixels), tested = drawn, drawn.tested(card)
    looked: list[Looked] = []
    shown: dict[str, list[np.ndarray]] = {name: [] for name in TASK_NAMES}
    for slide in tested:
        truth, corners = load_truth(paths[slide]), corners_of(paths[slide])
        first = int(cohort.patches_of(slide)[0])
        for bag in natural_bags(cohort, [slide], card.bag_size):
            images = pixels.read(bag.instances)
            for task in TASK_NAMES:
                masks = [lesion_mask(truth, task, *corners[i - first]) for i in bag.instances]
                seen = _look(net, cohort, bag, images, task, masks)
                if seen:
                    looked.append(seen[0])
                    shown[task].append(_example(images, masks, seen[1]))
    if picture is not None:
        _draw(shown, picture)
    return {
        "bags": len(looked),
        "tasks": {task: _summary([bag for bag in looked if bag.task == task]) for task in TASK_NAMES},
    }


def lesion_mask(truth: SlideTruth, task: str, x_px0: int, y_px0: int, side: int = PATCH_PX) -> np.ndarray:
    """Where a task's drawn lesions lie on a patch, (side, side) bool: foci, ballooned cells as discs, fat as drawn."""
    canvas = np.zeros((side, side), np.uint8)
    fine = 16
    if task == "steatosis":
        for x, y, a, b, turn in truth.droplets:
            centre = [round(((v / truth.mpp) - at) * fine) for v, at in ((x, x_px0), (y, y_px0))]
            axes = (max(1, round(a / truth.mpp * fine)), max(1, round(b / truth.mpp * fine)))
            cv2.ellipse(canvas, centre, axes, float(np.degrees(turn)), 0, 360, 1, -1, cv2.LINE_8, 4)
        return canvas > 0
    for x, y, radius in truth.foci if task == "inflammation" else truth.ballooned:
        centre = [round(((v / truth.mpp) - at) * fine) for v, at in ((x, x_px0), (y, y_px0))]
        cv2.circle(canvas, centre, round(radius / truth.mpp * fine), 1, -1, cv2.LINE_8, 4)
    return canvas > 0


def _look(
    net: MMDNet, cohort: Cohort, bag: Bag, images: np.ndarray, task: str, masks: Sequence[np.ndarray]
) -> tuple[Looked, BagCam] | None:
    """None where all patches hold the lesion, or none does."""
    positive = cohort.grades[bag.instances, TASK_NAMES.index(task)] > 0
    if positive.all() or not positive.any():
        return None
    cam = bag_cam(net, images, task)
    inside = np.stack(masks)
    near = np.stack([cv2.dilate(mask.astype(np.uint8), np.ones((2 * NEAR_PX + 1,) * 2)) > 0 for mask in masks])
    total = max(float(cam.heat.sum()), 1e-9)
    looked = Looked(
        task, float(cam.attention[positive].sum()), float(positive.mean()), bool(positive[cam.attention.argmax()]),
        float(cam.heat[inside].sum()) / total, float(cam.heat[near].sum()) / total,
        float(inside.mean()), float(near.mean()),
    )  # fmt: skip
    return looked, cam


def _summary(looked: Sequence[Looked]) -> TaskAttention | NoBags:
    if not looked:
        return {"bags": 0}
    return {
        "bags": len(looked),
        "attention_on_lesions": interval([bag.attention for bag in looked], SHARE_ENDS),
        "patches_with_lesions": interval([bag.patches for bag in looked], SHARE_ENDS),
        "top_patch_holds_one": round(float(np.mean([bag.top_hits for bag in looked])), 3),
        "heat_inside": interval([bag.heat for bag in looked], SHARE_ENDS),
        "area_inside": interval([bag.area for bag in looked], SHARE_ENDS),
        "heat_within_8_um": interval([bag.heat_near for bag in looked], SHARE_ENDS),
        "area_within_8_um": interval([bag.area_near for bag in looked], SHARE_ENDS),
    }


def _example(images: np.ndarray, masks: Sequence[np.ndarray], cam: BagCam) -> np.ndarray:
    """The bag's most attended patch: with the drawn outlines, and with its heat."""
    top = int(cam.attention.argmax())
    plain, heat = images[top].copy(), cam.heat[top]
    outlines, _ = cv2.findContours(masks[top].astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hot = cv2.applyColorMap(np.rint(255 * heat / max(heat.max(), 1e-9)).astype(np.uint8), cv2.COLORMAP_INFERNO)
    blend = cv2.addWeighted(plain, 0.5, cv2.cvtColor(hot, cv2.COLOR_BGR2RGB), 0.5, 0)
    for image in (plain, blend):
        cv2.drawContours(image, outlines, -1, (255, 255, 0), 1)
    return np.concatenate([plain, blend], axis=1)


def _draw(shown: dict[str, list[np.ndarray]], path: Path, columns: int = 3) -> None:
    """One row per task, examples evenly over the bags looked at."""
    from mmdnet.files import write_aside

    rows = []
    for task, examples in shown.items():
        chosen = [examples[round(i)] for i in np.linspace(0, len(examples) - 1, columns)] if examples else []
        gap = np.full((PATCH_PX, 8, 3), 255, np.uint8)
        row = np.concatenate([part for example in chosen for part in (example, gap)], axis=1)
        title = np.full((34, row.shape[1], 3), 255, np.uint8)
        cv2.putText(title, task.capitalize(), (4, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (20, 20, 20), 1, cv2.LINE_AA)
        rows += [title, row]
    _, data = cv2.imencode(".png", cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
    write_aside(path, data.tobytes())
