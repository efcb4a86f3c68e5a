"""The synthetic patches that a training may learn from, and where their files lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from db import synthetic as rows
from db.models import Augmentation
from mmdnet.bags.synthetic import SyntheticPatchRow
from mmdnet.errors import LabError
from mmdnet.files import sha256_of
from mmdnet.settings import Settings
from mmdnet.workflows.labelling.views import LabelRow

FOLDER = "augmentations"


def synthetic_file(settings: Settings, augmentation_id: int, parent_id: int, number: int) -> Path:
    """Where a synthetic patch's pixels lie, a PNG."""
    return settings.folder(FOLDER) / str(augmentation_id) / f"{parent_id}-{number}.png"


def usable_synthetic(session: Session, project_id: int, labels: Sequence[LabelRow]) -> tuple[SyntheticPatchRow, ...]:
    """Those that passed the gate, whose parent is graded as it was when they were made, and that no reader graded
    otherwise without being told."""
    graded = {row.patch_id: row.grades for row in labels if not row.ignored and row.grades.any_known}
    passed = rows.passed_of_project(session, project_id)
    contradicted = contradicted_by_readers(session, {child.augmentation_id for child in passed})
    return tuple(
        SyntheticPatchRow(child.id, child.parent_id)
        for child in passed
        if child.id not in contradicted
        and child.parent_id in graded
        and all(graded[child.parent_id][task] == grade for task, grade in child.grades.items())
    )


def contradicted_by_readers(session: Session, augmentation_ids: set[int]) -> set[int]:
    """Synthetic patches that a reader, who was not told, graded otherwise than their parent was."""
    given = [look for look in rows.looks_of(session, augmentation_ids) if look.grade is not None]
    looks = [(look, look.synthetic_id) for look in given if look.synthetic_id is not None]
    children = {child.id: child for child in rows.synthetic_with_ids(session, [number for _, number in looks])}
    tasks = {key: session.get_one(Augmentation, key).choices["task"] for key in {k.augmentation_id for k, _ in looks}}
    return {number for look, number in looks if children[number].grades.get(tasks[look.augmentation_id]) != look.grade}


class SyntheticPixels:
    """Pixels of synthetic patches by position, read from their files."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)

    def read(self, positions: np.ndarray) -> np.ndarray:
        """uint8 RGB, (n, side, side, 3)."""
        return np.stack([read_png(self._paths[position]) for position in positions])

    @classmethod
    def of(cls, session: Session, settings: Settings, ids: Sequence[int]) -> SyntheticPixels:
        """Those of these ids, in this order.

        Raises:
            LabError: a row or a file is gone, or the file is another one than was made.
        """
        known = {child.id: child for child in rows.synthetic_with_ids(session, ids)}
        paths = []
        for number in ids:
            child = known.get(number)
            path = synthetic_file(settings, child.augmentation_id, child.parent_id, child.number) if child else None
            if child is None or path is None or not path.is_file() or sha256_of(path) != child.sha256:
                raise LabError(
                    f"The synthetic patch {number} that this training was started with is gone or has changed. "
                    "Put the lab's folder 'augmentations' back from a backup, or start a new training."
                )
            paths.append(path)
        return cls(paths)


def read_png(path: Path) -> np.ndarray:
    """A synthetic patch, uint8 RGB (side, side, 3).

    Raises:
        LabError: it is gone or damaged.
    """
    import cv2

    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) if path.is_file() else None
    if pixels is None:
        raise LabError(f"The synthetic patch {path.stem} is gone or damaged. Start its job again to make it anew.")
    return np.asarray(pixels)
