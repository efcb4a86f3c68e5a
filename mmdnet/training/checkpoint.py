"""Where a training stands, in one file that is either the old one or the new one, never half of each.

`checkpoint.safetensors` holds the network's and the optimiser's tensors; all else (epoch, history, choices) is JSON in
its header. There is no pickle in it. Every draw of chance is made anew from (seed, epoch) when an epoch begins, so no
generator's state needs keeping for a resumed run to give the same numbers.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.training.run_state import RunState

CHECKPOINT = "checkpoint.safetensors"
RENAMED = {"mean": "ema", "spread": "log_variance"}  # parts as earlier builds called them
Identity = dict[str, Any]  # what a run is of, as JSON


@dataclass(frozen=True)
class Checkpoint:
    """What is in the file: the run's and the optimiser's state, and tensors by part.

    The parts are "net", "ema", "log_variance" and "best".
    """

    state: RunState
    tensors: dict[str, dict[str, Tensor]]
    optimizer: dict[str, Any]  # torch's own state, whatever the optimiser


def save_checkpoint(
    folder: Path, tensors: dict[str, dict[str, Tensor]], optimizer: torch.optim.Optimizer, state: RunState
) -> None:
    """Write everything needed to go on after this epoch, atomically."""
    flat = {f"{part}.{key}": value for part, held in tensors.items() for key, value in held.items()}
    of_optimizer = optimizer.state_dict()
    for number, values in of_optimizer["state"].items():
        flat |= {f"optimizer.{number}.{key}": torch.as_tensor(value) for key, value in values.items()}
    header = {"progress": json.dumps(vars(state)), "groups": json.dumps(of_optimizer["param_groups"])}
    # clone: safetensors refuses tensors that share memory, and the best weights may be the present ones
    ready = {key: value.detach().cpu().clone().contiguous() for key, value in flat.items()}
    write_aside(folder / CHECKPOINT, save(ready, header))


def load_checkpoint(
    folder: Path, identity: Identity, as_of_now: Callable[[Identity], Identity] = lambda kept: kept
) -> Checkpoint | None:
    """Where a run of the same identity stopped; None when nothing was begun here.

    Args:
        folder: of the run.
        identity: what the run is of.
        as_of_now: turns an identity that an earlier build wrote into today's form.

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
        state = RunState(**facts)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as problem:
        raise LabError(f"The checkpoint in {folder.name} is damaged; start this training anew.") from problem
    state.best_score = tuple(state.best_score)  # type: ignore[assignment]
    state.identity = as_of_now(state.identity)
    if state.identity != identity:
        changed = [key for key in identity if state.identity.get(key) != identity[key]]
        raise LabError(
            f"The checkpoint in {folder.name} belongs to a training with another {' and '.join(changed) or 'set-up'}; "
            "start a new training instead."
        )
    tensors: dict[str, dict[str, Tensor]] = {}
    for key, value in flat.items():
        part, rest = key.split(".", 1)
        tensors.setdefault(RENAMED.get(part, part), {})[rest] = value
    of_optimizer = {"state": _by_number(tensors.pop("optimizer", {})), "param_groups": groups}
    return Checkpoint(state, tensors, of_optimizer)


def _by_number(flat: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    values: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        number, name = key.split(".", 1)
        values.setdefault(int(number), {})[name] = value
    return values
