"""Where on the patches of a report a grade comes from: maps, what a deletion test says of each, their file, a picture.

Each patch is a bag of one, so a map is of the patch's own grade, the one that stands beside it (of grade 1 where that
is 0: nothing can speak for having at least grade 0), and has a scale of its own. See `grad_cam` for the formula
(Chattopadhay et al. 2018) and `deletion` for the test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mmdnet.files import write_aside
from mmdnet.scoring.cam.deletion import Deletion, deletion_test, marked_area
from mmdnet.scoring.palette import heat_rgba

if TYPE_CHECKING:
    from mmdnet.nn.mmdnet import MMDNet

VERSION = 1
OUTLINE_RGB = (20, 22, 24)
_PLACES, _GRADES, _HEAT, _CHANCES = "places.", "grades.", "heat.", "chances."  # and the task's name, in a file


@dataclass(frozen=True, slots=True)
class PatchMap:
    """What speaks for a grade on one patch.

    Attributes:
        heat: 0-255, 255 at the hottest spot, all 0 where nothing speaks for it; shape (px, px), uint8.
        grade: the grade asked about, at least 1.
        deletion: what the deletion test gave; None where nothing is marked.
    """

    heat: np.ndarray
    grade: int
    deletion: Deletion | None

    @property
    def marked(self) -> np.ndarray:
        """What was masked in the test: the hottest part of the patch, shape (px, px) bool."""
        return marked_area(self.heat)


TaskMaps = Mapping[int, PatchMap]
"""Maps of one task by the patch's place."""


def map_patch(model: MMDNet, image: np.ndarray, task: str, grade: int, seed: int = 0, device: str = "cpu") -> PatchMap:
    """The map of one patch, and its test.

    Args:
        model: in evaluation mode on `device`.
        image: uint8 RGB, shape (px, px, 3).
        task: which feature.
        grade: what speaks for at least this grade, 1 or more.
        seed: of the places the marked shape is moved to.
        device: where the model is.

    Raises:
        LabError: the model's backbone has no map of places.
    """
    from mmdnet.scoring.cam.grad_cam import bag_cam

    heat = np.rint(255 * bag_cam(model, image[None], task, grade, device).heat[0]).astype(np.uint8)
    area = marked_area(heat)
    tested = deletion_test(model, image, task, grade, area, seed, device) if area.any() else None
    return PatchMap(heat, grade, tested)


def map_picture(image: np.ndarray, patch_map: PatchMap) -> np.ndarray:
    """A patch with its heat over it and a line around what is marked, uint8 RGB of the patch's own shape."""
    height, width = image.shape[:2]
    heat = cv2.resize(patch_map.heat, (width, height), interpolation=cv2.INTER_LINEAR)
    colour = heat_rgba(heat / 255)
    share = colour[..., 3:].astype(float) / 255
    drawn = np.rint(image * (1 - share) + colour[..., :3] * share).astype(np.uint8)
    area = cv2.resize(patch_map.marked.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    outlines = cv2.findContours(area, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    return cv2.drawContours(drawn, outlines, -1, OUTLINE_RGB, 1)


def save_maps(path: Path, maps: Mapping[str, TaskMaps], weights_sha256: str) -> None:
    """Write maps by task as one safetensors file, which appears whole or not at all.

    Args:
        path: of the file.
        maps: by task.
        weights_sha256: of the network that made them.
    """
    from safetensors.numpy import save

    tensors = {f"{name}{task}": table for task, known in maps.items() for name, table in _tables(known).items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"about": json.dumps({"version": VERSION, "weights_sha256": weights_sha256})}
    write_aside(path, save(tensors, metadata=about))


def load_maps(path: Path, weights_sha256: str) -> dict[str, TaskMaps]:
    """Maps by task that `save_maps` wrote; none where there is no file, it is damaged, or of another network.

    What is lost can be made again, so nothing is refused.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return {}
    try:
        with safe_open(str(path), framework="numpy") as file:
            about = json.loads((file.metadata() or {})["about"])
            if about != {"version": VERSION, "weights_sha256": weights_sha256}:
                return {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tasks = [name.removeprefix(_PLACES) for name in tensors if name.startswith(_PLACES)]
        return {task: _of_task(tensors, task) for task in tasks}
    except (SafetensorError, KeyError, ValueError):
        return {}


def _tables(maps: TaskMaps) -> dict[str, np.ndarray]:
    nothing = (np.nan,) * 3
    tested = [astuple(drawn.deletion) if drawn.deletion else nothing for drawn in maps.values()]
    heat = [drawn.heat for drawn in maps.values()] or [np.zeros((1, 1), np.uint8)]
    return {
        _PLACES: np.array(list(maps), np.int32),
        _GRADES: np.array([drawn.grade for drawn in maps.values()], np.int32),
        _CHANCES: np.array(tested, np.float64).reshape(-1, 3),
        _HEAT: np.stack(heat)[: len(maps)],
    }


def _of_task(tensors: Mapping[str, np.ndarray], task: str) -> TaskMaps:
    rows = zip(*(tensors[f"{start}{task}"] for start in (_PLACES, _HEAT, _GRADES, _CHANCES)), strict=True)
    return {
        int(place): PatchMap(heat, int(grade), Deletion(*map(float, chances)) if np.isfinite(chances).all() else None)
        for place, heat, grade, chances in rows
    }
