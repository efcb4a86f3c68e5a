"""Which device computes."""

import ctypes
import sys
from functools import cache

from mmdnet.errors import LabError
from mmdnet.slides.stores.features import torch_version

PATCHES_AT_ONCE = 32  # that a network is given where nothing is learnt from them


def best_device(wanted: str = "auto") -> str:
    """The device to use: `auto` takes an NVIDIA GPU if there is one, else Apple's, else the CPU.

    Raises:
        LabError: the device asked for is not here.
    """
    if wanted == "auto" and no_accelerator():
        return "cpu"
    import torch

    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind = wanted.split(":", maxsplit=1)[0]
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not here.get(kind, False):
        raise LabError(f"There is no device called {wanted} on this machine. Choose cpu, or auto.")
    return wanted


@cache
def no_accelerator() -> bool:
    """Whether torch would find no other device than the processor, where that is known without loading it.

    Torch as it is built for CUDA on Linux reaches a GPU through NVIDIA's driver alone.
    """
    built_for = torch_version().partition("+")[2]
    if sys.platform != "linux" or not built_for.startswith(("cu", "cpu")):
        return False
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return True
    return False
