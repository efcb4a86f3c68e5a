"""How a child process ended that said nothing itself: by which signal, for want of memory or not, with which exit code.

Linux counts the processes it kills for want of memory, for each control group (cgroup v2 `memory.events`, cgroup v1
`memory.oom_control`) and for the machine (`/proc/vmstat`). Only what such a count says is told; else it is not known.
"""

from __future__ import annotations

import contextlib
import re
import signal
from dataclasses import dataclass
from pathlib import Path

LESS = "Choose a smaller backbone or smaller bags, or close other programs."
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
_MEMORY_FILES = {True: ("memory.oom_control", "memory.limit_in_bytes"), False: ("memory.events", "memory.max")}


@dataclass(frozen=True, slots=True)
class MemoryKills:
    """Processes killed for want of memory so far, in our control group and on the machine; 0 where nobody counts.

    `limit_bytes` is the group's, None where it has none.
    """

    group: int = 0
    machine: int = 0
    limit_bytes: int | None = None


def memory_kills(root: Path = Path("/")) -> MemoryKills:
    """The counts now."""
    machine = _count(root / "proc/vmstat")
    for folder, first_version in _groups(root):
        counts, limit = _MEMORY_FILES[first_version]
        if (folder / counts).is_file():
            return MemoryKills(_count(folder / counts), machine, _limit(folder / limit))
    return MemoryKills(0, machine)


def how_it_ended(code: int, before: MemoryKills, after: MemoryKills) -> str:
    """A sentence on the end of a process with this return code (minus a signal's number, as subprocess has it)."""
    number = -code if code < 0 else code - 128 if code > 128 else 0
    if number == 9 and after.group > before.group:
        limit = "" if after.limit_bytes is None else f", which may use {after.limit_bytes / 2**30:.1f} GiB"
        return f"The system ended the job's process because memory ran out in its control group{limit}. {LESS}"
    if number == 9 and after.machine > before.machine:
        return f"The system ended the job's process (signal 9) while the machine was out of memory. {LESS}"
    if number:
        with contextlib.suppress(ValueError):
            name = signal.Signals(number).name
            why = "; nothing says that memory ran out" if number == 9 else ""
            return f"The job's process was ended by signal {number} ({name}){why}."
    return f"The job's process ended with exit code {code} and without a word; its log may say more."


def _groups(root: Path) -> list[tuple[Path, bool]]:
    """Folders that may hold our control group's files, the group itself before the root; and whether they are v1's."""
    folders = []
    with contextlib.suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                base = root / "sys/fs/cgroup/memory"
                folders += [(base / path.lstrip("/"), True), (base, True)]  # a container sees its own group as the root
            elif number == "0" and not controllers:
                base = root / "sys/fs/cgroup"
                folders += [(base / path.lstrip("/"), False), (base, False)]
    return folders


def _count(file: Path) -> int:
    with contextlib.suppress(OSError):
        if kills := _KILLS.search(file.read_text()):
            return int(kills[1])
    return 0


def _limit(file: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        limit = int(file.read_text())
        return limit if limit < 2**60 else None  # v1 writes nearly 2^63 for none
    return None
