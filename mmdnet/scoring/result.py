"""A scored slide: its grades, how sure they are, and what each patch contributed; on disk and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.labels.grading import TASK_NAMES

SCORE_VERSION = 1


@dataclass(frozen=True)
class TaskScore:
    """One feature of one slide.

    Attributes:
        grade: the model's grade.
        probabilities: share of resamples with each grade, shape (grades,).
        expected: the continuous score; its rounding is the grade.
        interval: 90 % interval of the continuous score, from 5 % to 95 %.
        quantity: what the score rests on: the density, or another rule's number.
        quantity_interval: its 90 % interval over resampled tissue.
        density: share of hepatocytes with fat, or foci or balloon cells per 200x field.
        density_interval: its 90 % interval over resampled tissue.
        line: a patch shows the feature where its probability of grade 1 or more is above this.
        rests_on: the aggregation in words.
        calibrated: whether the scale was fitted to graded slides.
        attention: share of the slide's attention per place, shape (places,): sums to 1; NaN where not assessed.
        patch_probabilities: shape (places, grades); NaN where not assessed.
        bag_probabilities: shape (bags, grades).
    """

    grade: int
    probabilities: tuple[float, ...]
    expected: float
    interval: tuple[float, float]
    quantity: float
    quantity_interval: tuple[float, float]
    density: float
    density_interval: tuple[float, float]
    line: float
    rests_on: str
    calibrated: bool
    attention: np.ndarray
    patch_probabilities: np.ndarray
    bag_probabilities: np.ndarray

    def summary(self) -> dict[str, Any]:
        positive = 1.0 - self.patch_probabilities[:, 0]
        return {
            "grade": self.grade,
            "probabilities": _rounded(self.probabilities),
            "expected": _rounded(self.expected),
            "interval": _rounded(self.interval),
            "quantity": float(self.quantity),
            "quantity_interval": _rounded(self.quantity_interval),
            "density": _rounded(self.density),
            "density_interval": _rounded(self.density_interval),
            "positive_patch_share": _rounded(float(np.mean(positive[np.isfinite(positive)] > self.line))),
            "line": self.line,
            "rests_on": self.rests_on,
            "calibrated": self.calibrated,
        }


@dataclass(frozen=True)
class SlideScore:
    """One slide scored by one model. Arrays run over all places of the slide's patch grid.

    `nas` and what hangs on it are None where the model does not grade all three features. `nas_interval` is the 90 %
    interval of the sum of grades; `p_active` the probability that NAS is 4 or more with each feature at least 1.
    """

    tasks: dict[str, TaskScore]
    nas: int | None
    nas_expected: float | None
    nas_interval: tuple[int, int] | None
    p_active: float | None
    places: int
    assessed: np.ndarray  # (places,) bool
    p_ignore: np.ndarray  # (places,) NaN where the patch was not read or the model has no say
    bag: np.ndarray  # (places,) int, -1 where not assessed
    row: np.ndarray  # (places,)
    col: np.ndarray  # (places,)
    not_read: dict[str, int]  # reason to number of patches
    ignored: int  # patches the model's quality gate left out
    area_mm2: float
    fields: float
    bags: int
    bag_size: int
    blocks: int
    rule: str
    resamples: int
    seed: int
    low_evidence: bool
    warnings: tuple[str, ...] = ()  # what speaks against trusting the score
    notes: tuple[str, ...] = ()  # what to know when reading it
    model: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    @property
    def assessed_patches(self) -> int:
        return int(self.assessed.sum())

    @property
    def set_aside(self) -> int:
        """Patches laid on the slide but not part of the score."""
        return self.places - self.assessed_patches

    @property
    def aggregator(self) -> str:
        """The rules in words, one for all tasks where they agree."""
        words = dict.fromkeys(task.rests_on for task in self.tasks.values())
        return "; ".join(words)

    def summary(self) -> dict[str, Any]:
        """The score without its arrays, as JSON values."""
        return {
            "version": SCORE_VERSION,
            "tasks": {name: task.summary() for name, task in self.tasks.items()},
            "nas": self.nas,
            "nas_expected": None if self.nas_expected is None else _rounded(self.nas_expected),
            "nas_interval": None if self.nas_interval is None else list(self.nas_interval),
            "p_active": None if self.p_active is None else _rounded(self.p_active),
            "patches": self.places,
            "assessed_patches": self.assessed_patches,
            "set_aside": self.set_aside,
            "ignored_by_model": self.ignored,
            "not_read": dict(self.not_read),
            "area_mm2": _rounded(self.area_mm2),
            "fields": _rounded(self.fields),
            "bags": self.bags,
            "bag_size": self.bag_size,
            "blocks": self.blocks,
            "rule": self.rule,
            "aggregator": self.aggregator,
            "resamples": self.resamples,
            "seed": self.seed,
            "low_evidence": self.low_evidence,
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "model": dict(self.model),
            "device": self.device,
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """By name: `assessed`, `p_ignore`, `bag`, `row`, `col`; per task `attention.`, `patches.` and `bags.<task>`."""
        found: dict[str, np.ndarray] = {
            "assessed": self.assessed.astype(np.uint8),
            "p_ignore": self.p_ignore.astype(np.float32),
            "bag": self.bag.astype(np.int32),
            "row": self.row.astype(np.int32),
            "col": self.col.astype(np.int32),
        }
        for name, task in self.tasks.items():
            found[f"attention.{name}"] = task.attention.astype(np.float32)
            found[f"patches.{name}"] = task.patch_probabilities.astype(np.float32)
            found[f"bags.{name}"] = task.bag_probabilities.astype(np.float32)
        return found

    def save(self, path: Path) -> None:
        """Write the score as one safetensors file (the summary in its header); the file appears whole or not at all."""
        from safetensors.numpy import save

        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays().items()}
        data = save(arrays, metadata={"summary": json.dumps(self.summary(), sort_keys=True)})
        path.parent.mkdir(parents=True, exist_ok=True)
        write_aside(path, data)

    @classmethod
    def load(cls, path: Path) -> "SlideScore":
        """Read a score written by `save`.

        Raises:
            LabError: there is no such file, or it is damaged.
        """
        arrays, summary = read_score(path)
        try:
            tasks = {
                name: _task_score(name, summary["tasks"][name], arrays)
                for name in TASK_NAMES
                if name in summary["tasks"]
            }
            interval = summary["nas_interval"]
            return cls(
                tasks=tasks,
                nas=summary["nas"],
                nas_expected=summary["nas_expected"],
                nas_interval=None if interval is None else (interval[0], interval[1]),
                p_active=summary["p_active"],
                places=summary["patches"],
                assessed=arrays["assessed"].astype(bool),
                p_ignore=arrays["p_ignore"],
                bag=arrays["bag"],
                row=arrays["row"],
                col=arrays["col"],
                not_read=summary["not_read"],
                ignored=summary["ignored_by_model"],
                warnings=tuple(summary["warnings"]),
                notes=tuple(summary["notes"]),
                **{key: summary[key] for key in _PLAIN},
            )
        except KeyError as error:
            raise LabError(f"{path.name} is not a score this version can read: {error} is missing.") from error


_PLAIN = (  # the same in the summary as in the score
    "area_mm2", "fields", "bags", "bag_size", "blocks", "rule", "resamples", "seed", "low_evidence", "model", "device",
)  # fmt: skip


def read_score(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the summary of a saved score.

    Raises:
        LabError: there is no such file, or it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise LabError(f"The score file {path.name} is gone. Score the slide again.")
    try:
        with safe_open(str(path), framework="numpy") as file:
            summary = json.loads((file.metadata() or {})["summary"])
            return {name: file.get_tensor(name) for name in file.keys()}, summary  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        raise LabError(f"The score file {path.name} is damaged. Score the slide again.") from error


def _task_score(name: str, summary: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TaskScore:
    return TaskScore(
        grade=summary["grade"],
        probabilities=tuple(summary["probabilities"]),
        expected=summary["expected"],
        interval=(summary["interval"][0], summary["interval"][1]),
        quantity=summary["quantity"],
        quantity_interval=(summary["quantity_interval"][0], summary["quantity_interval"][1]),
        density=summary["density"],
        density_interval=(summary["density_interval"][0], summary["density_interval"][1]),
        line=summary["line"],
        rests_on=summary["rests_on"],
        calibrated=summary["calibrated"],
        attention=arrays[f"attention.{name}"],
        patch_probabilities=arrays[f"patches.{name}"],
        bag_probabilities=arrays[f"bags.{name}"],
    )


def _rounded(value: Any) -> Any:
    """Four digits after the point: more would be noise, and equal scores should be equal bytes."""
    if isinstance(value, (tuple, list)):
        return [round(float(v), 4) for v in value]
    return round(float(value), 4)
