"""Keeping the memory of one training step for the next."""

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # malloc.h of the GNU C library


def keep_freed_memory() -> None:
    """Tell the C library to hand freed memory to the next step instead of back to the system.

    A training step frees and asks for the same few hundred megabytes again and again; by default each large tensor is
    fresh memory that the system must clear page by page, which is a quarter of a small network's step on a CPU. Only
    where the C library is GNU's; elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_TOP_PAD, 64 * 2**20)
