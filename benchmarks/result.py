"""What a benchmark says at the end, and the few measuring helpers all of them share."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def machine() -> str:
    """Processor, number of processors this program may use, system and Python: enough to compare two runs."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {usable} cores, {platform.system()}, Python {platform.python_version()}"


@dataclass(frozen=True)
class Result:
    """One benchmark's last line; `beside` holds what it is compared with and every other number of interest."""

    benchmark: str
    value: float | None
    unit: str
    beside: Mapping[str, object] = field(default_factory=dict)
    runs: int = 1
    machine: str = field(default_factory=machine)

    def line(self) -> str:
        """The result as one line of JSON."""
        value = round(self.value, 4) if isinstance(self.value, float) else self.value
        return json.dumps(
            {
                "benchmark": self.benchmark,
                "value": value,
                "unit": self.unit,
                "beside": dict(self.beside),
                "runs": self.runs,
                "machine": self.machine,
            }
        )


def cpu_ms(
    cases: Mapping[str, Callable[[], object]], runs: int, per: int = 1, before: Callable[[], object] | None = None
) -> dict[str, float]:
    """Median processor time in ms per unit of each case; the cases take turns, so that a busy machine is fair to all.

    `per` is how many units one call does; `before` runs before each call and is not counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(runs + 1):
        for name, work in cases.items():
            if before is not None:
                before()
            start = time.process_time()
            work()
            if turn:  # the first turn warms caches
                taken[name].append((time.process_time() - start) * 1000 / per)
    return {name: statistics.median(values) for name, values in taken.items()}
