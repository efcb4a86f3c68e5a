"""Several processes for one training: started beside this one, ended with it."""

import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
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
        meeting = Path(home) / "meeting"
        context = multiprocessing.get_context("spawn")
        given = (count, meeting, device, max(1, threads // count), work, share)
        others = [context.Process(target=_other, args=(rank, *given), daemon=True) for rank in range(1, count)]
        for process in others:
            process.start()
        try:
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


def _join(rank: int, count: int, meeting: Path, device: str, threads: int) -> None:
    torch.set_num_threads(threads)
    if sys.platform.startswith("linux"):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all processes are on this machine
    backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    distributed.init_process_group(backend, init_method=meeting.as_uri(), rank=rank, world_size=count, timeout=PATIENCE)


def _other(
    rank: int, count: int, meeting: Path, device: str, threads: int, work: Callable[[Any], object], share: Any
) -> None:
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    _join(rank, count, meeting, device, threads)
    work(share)
