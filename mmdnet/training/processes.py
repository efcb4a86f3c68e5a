"""Several processes for one training: started beside this one, ended with it."""

import multiprocessing
import os
import pickle
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from mmdnet.errors import LabError
from mmdnet.training.config import TrainingConfig

PATIENCE = timedelta(minutes=30)  # for one process to wait for another: validation of a large cohort takes minutes


@contextmanager
def sharing(config: TrainingConfig, share: Any, device: str, work: Callable[[Any], object]) -> Iterator[None]:
    """While it lasts this process is the first of `config.processes`; each of the others runs `work(share)`.

    Args:
        config: how many.
        share: picklable, given to each of the others.
        device: "cpu" or "cuda".
        work: a function of a module.

    Raises:
        LabError: fewer GPUs than processes, or one of the others ended in an error.
    """
    count = config.processes
    if count == 1:
        yield
        return
    if device == "cuda" and torch.cuda.device_count() < count:
        raise LabError(f"{count} processes need {count} GPUs; this machine has {torch.cuda.device_count()}.")
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as home:
        meeting, handed = Path(home) / "meeting", Path(home) / "handed"
        # By file: through the pipe of a start, a process that dies at once leaves this one writing for ever.
        handed.write_bytes(pickle.dumps((work, share)))
        context = multiprocessing.get_context("spawn")
        given = (count, meeting, device, max(1, threads // count), handed)
        others = [context.Process(target=_other, args=(rank, *given), daemon=True) for rank in range(1, count)]
        for process in others:
            process.start()
        try:
            _await_start(others, handed)
            _join(0, count, meeting, device, max(1, threads // count))
            yield
        except RuntimeError as problem:
            if any(process.exitcode not in (None, 0) for process in others):
                raise LabError("One of the training's processes ended; its last finished epoch is kept.") from problem
            raise
        finally:
            torch.set_num_threads(threads)
            if distributed.is_initialized():
                distributed.destroy_process_group()
            for process in others:
                process.join(5)
                process.kill()


def _await_start(others: Sequence[BaseProcess], handed: Path) -> None:
    """Wait until each of the others has taken what was handed to it.

    Raises:
        LabError: one has ended instead.
    """
    while not all(_taken(handed, rank).exists() for rank in range(1, len(others) + 1)):
        if any(process.exitcode is not None for process in others):
            raise LabError("One of the training's processes could not start; the log says why. Nothing was lost.")
        time.sleep(0.05)


def _taken(handed: Path, rank: int) -> Path:
    return handed.with_name(f"taken-{rank}")


def _join(rank: int, count: int, meeting: Path, device: str, threads: int) -> None:
    torch.set_num_threads(threads)
    if sys.platform.startswith("linux"):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all processes are on this machine
    backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    distributed.init_process_group(backend, init_method=meeting.as_uri(), rank=rank, world_size=count, timeout=PATIENCE)


def _other(rank: int, count: int, meeting: Path, device: str, threads: int, handed: Path) -> None:
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    work, share = pickle.loads(handed.read_bytes())  # of this machine's own training, a moment old
    _taken(handed, rank).touch()
    _join(rank, count, meeting, device, threads)
    work(share)
