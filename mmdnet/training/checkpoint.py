"""Where a training stands, in one file that is either the old one or the new one, never half of each.

`checkpoint.safetensors` holds the network's and the optimiser's tensors; all else (epoch, history, choices) is JSON in
its header. There is no pickle in it. Every draw of chance is made anew from (seed, epoch) when an epoch begins, so no
generator's state needs keeping for a resumed run to give the same numbers.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.training.progress import Progress

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """What is in the file: progress, tensors by part ("net", "mean", "spread", "best"), and the optimiser's state."""

    progress: Progress
    tensors: dict[str, dict[str, Tensor]]
    optimizer: dict[str, Any]


def save_checkpoint(
    folder: Path, tensors: dict[str, dict[str, Tensor]], optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write everything needed to go on after this epoch, atomically."""
    flat = {f"{part}.{key}": value for part, held in tensors.items() for key, value in held.items()}
    state = optimizer.state_dict()
    for number, values in state["state"].items():
        flat |= {f"optimizer.{number}.{key}": torch.as_tensor(value) for key, value in values.items()}
    header = {"progress": json.dumps(vars(progress)), "groups": json.dumps(state["param_groups"])}
    # clone: safetensors refuses tensors that share memory, and the best weights may be the present ones
    ready = {key: value.detach().cpu().clone().contiguous() for key, value in flat.items()}
    write_aside(folder / CHECKPOINT, save(ready, header))


def load_checkpoint(folder: Path, identity: dict[str, Any]) -> Checkpoint | None:
    """Where a run of the same identity stopped; None when nothing was begun here.

    Raises:
        LabError: the file is damaged, or belongs to a training with other choices, labels or split.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            flat = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        facts, groups = json.loads(header["progress"]), json.loads(header["groups"])
        progress = Progress(**facts)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as problem:
        raise LabError(f"The checkpoint in {folder.name} is damaged; start this training anew.") from problem
    progress.best_score = tuple(progress.best_score)  # type: ignore[assignment]
    if progress.identity != identity:
        changed = [key for key in identity if progress.identity.get(key) != identity[key]]
        raise LabError(
            f"The checkpoint in {folder.name} belongs to a training with another {' and '.join(changed) or 'set-up'}; "
            "start a new training instead."
        )
    tensors: dict[str, dict[str, Tensor]] = {}
    for key, value in flat.items():
        kind, rest = key.split(".", 1)
        tensors.setdefault(kind, {})[rest] = value
    state = {"state": _by_number(tensors.pop("optimizer", {})), "param_groups": groups}
    return Checkpoint(progress, tensors, state)


def _by_number(flat: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value
    return state
