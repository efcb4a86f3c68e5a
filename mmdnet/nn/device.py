"""Which device computes."""

from mmdnet.errors import LabError

PATCHES_AT_ONCE = 32  # that a network is given where nothing is learnt from them


def best_device(wanted: str = "auto") -> str:
    """The device to use: `auto` takes an NVIDIA GPU if there is one, else Apple's, else the CPU.

    Raises:
        LabError: the device asked for is not here.
    """
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
