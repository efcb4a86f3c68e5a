"""Freed memory is kept for the next step: what the C library is told, and that it takes effect."""

import ctypes
import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from mmdnet.settings import PROJECT_ROOT
from mmdnet.training.memory import keep_freed_memory

# Page faults of a second half of steps that each ask for 32 MB and free it.
FAULTS = """
import resource, sys
import numpy as np
if sys.argv[1:] == ["keep"]:
    from mmdnet.training.memory import keep_freed_memory
    keep_freed_memory()
for step in range(8):
    if step == 4:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(2**22)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*arguments: str) -> int:
    small_pages = {**os.environ, "NUMPY_MADVISE_HUGEPAGE": "0"}  # else the system gives 2 MB a fault, where it can
    command = [sys.executable, "-c", FAULTS, *arguments]
    return int(
        subprocess.run(command, cwd=PROJECT_ROOT, env=small_pages, capture_output=True, text=True, check=True).stdout
    )


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library can be told")
def test_what_a_step_freed_is_not_cleared_again_for_the_next():
    assert faults("keep") < 100 < faults() / 4


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_elsewhere_nothing_happens(monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("the C library was asked for"))
    keep_freed_memory()


def test_another_c_library_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    keep_freed_memory()
