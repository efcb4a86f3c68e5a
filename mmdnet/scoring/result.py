"""A scored slide with what each patch contributed; on disk and back."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.scoring.summary import ScoreSummary, read_summary

ATTENTION, PATCHES, BAGS = "attention.", "patches.", "bags."  # and the task's name, in a file


@dataclass(frozen=True)
class ScoreArrays:
    """Per-patch numbers of a scored slide, over all places of its patch grid.

    Attributes:
        assessed: shape (places,) bool.
        p_ignore: shape (places,); NaN where the patch was not read or the model has no say.
        bag: shape (places,) int; -1 where not assessed.
        row, col: place on the grid, shape (places,).
        attention: by task, share of the slide's attention, shape (places,): sums to 1; NaN where not assessed.
        patch_probabilities: by task, shape (places, grades); NaN where not assessed.
        bag_probabilities: by task, shape (bags, grades).
    """

    assessed: np.ndarray
    p_ignore: np.ndarray
    bag: np.ndarray
    row: np.ndarray
    col: np.ndarray
    attention: Mapping[str, np.ndarray]
    patch_probabilities: Mapping[str, np.ndarray]
    bag_probabilities: Mapping[str, np.ndarray]

    def tensors(self) -> dict[str, np.ndarray]:
        """By the names they have in a file."""
        by_name: dict[str, np.ndarray] = {
            "assessed": self.assessed.astype(np.uint8),
            "p_ignore": self.p_ignore.astype(np.float32),
            "bag": self.bag.astype(np.int32),
            "row": self.row.astype(np.int32),
            "col": self.col.astype(np.int32),
        }
        for start, tables in (
            (ATTENTION, self.attention),
            (PATCHES, self.patch_probabilities),
            (BAGS, self.bag_probabilities),
        ):
            by_name |= {f"{start}{task}": table.astype(np.float32) for task, table in tables.items()}
        return by_name

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, np.ndarray]) -> ScoreArrays:
        """What `tensors` gave.

        Raises:
            KeyError: one is missing.
        """

        def by_task(start: str) -> dict[str, np.ndarray]:
            return {name.removeprefix(start): table for name, table in tensors.items() if name.startswith(start)}

        return cls(
            assessed=tensors["assessed"].astype(bool),
            p_ignore=tensors["p_ignore"],
            bag=tensors["bag"],
            row=tensors["row"],
            col=tensors["col"],
            attention=by_task(ATTENTION),
            patch_probabilities=by_task(PATCHES),
            bag_probabilities=by_task(BAGS),
        )


@dataclass(frozen=True)
class SlideScore:
    """One slide scored by one model."""

    summary: ScoreSummary
    arrays: ScoreArrays

    def save(self, path: Path) -> None:
        """Write the score as one safetensors file (the summary in its header); the file appears whole or not at all."""
        from safetensors.numpy import save

        tensors = {name: np.ascontiguousarray(tensor) for name, tensor in self.arrays.tensors().items()}
        data = save(tensors, metadata={"summary": json.dumps(self.summary.to_json(), sort_keys=True)})
        path.parent.mkdir(parents=True, exist_ok=True)
        write_aside(path, data)

    @classmethod
    def load(cls, path: Path) -> SlideScore:
        """Read a score written by `save`.

        Raises:
            LabError: there is no such file, or it is damaged.
        """
        tensors, summary = read_tensors(path)
        try:
            return cls(read_summary(summary, path.name), ScoreArrays.of_tensors(tensors))
        except KeyError as error:
            raise LabError(f"{path.name} is not a score this version can read: {error} is missing.") from error


def read_tensors(path: Path, names: Collection[str] | None = None) -> tuple[dict[str, np.ndarray], Mapping[str, Any]]:
    """Tensors of a score file (all, or those of these names that it has), and its summary as JSON values.

    Raises:
        LabError: there is no such file, or it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise LabError(f"The score file {path.name} is gone. Score the slide again.")
    try:
        with safe_open(str(path), framework="numpy") as file:
            summary = json.loads((file.metadata() or {})["summary"])
            known = [name for name in file.keys() if names is None or name in names]  # noqa: SIM118
            return {name: file.get_tensor(name) for name in known}, summary
    except (SafetensorError, KeyError, ValueError) as error:
        raise LabError(f"The score file {path.name} is damaged. Score the slide again.") from error
