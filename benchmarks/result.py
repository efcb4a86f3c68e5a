"""What a benchmark says at the end, and the few measuring helpers all of them share."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
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


def table(results: Sequence[Result]) -> str:
    """Results for people: what was measured, what was to be reached, and whether it was.

    `beside["reach"]` is the number to be reached, on the side `beside["reach_is"]` names ("least" unless it is "most");
    other reaches of the same benchmark are pairs in `beside["also"]`: name -> (value, "least" or "most", reach).
    """
    rows = [("benchmark", "measured", "reach", "")]
    for result in results:
        if result.value is None:
            rows.append((result.benchmark, "not run", "", str(result.beside.get("reason", ""))))
            continue
        reach, side = result.beside.get("reach"), str(result.beside.get("reach_is", "least"))
        rows.append((result.benchmark, f"{result.value:.4g} {result.unit}", *_verdict(result.value, side, reach)))
        for name, (value, also_side, also_reach) in dict(result.beside.get("also", {})).items():  # type: ignore[call-overload]
            rows.append(("", f"{value:.4g} {name}", *_verdict(value, also_side, also_reach)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def _verdict(value: float, side: str, reach: object) -> tuple[str, str]:
    if not isinstance(reach, int | float):
        return str(reach or ""), ""
    reached = value >= reach if side == "least" else value <= reach
    return f"{'>=' if side == 'least' else '<='} {reach:g}", "reached" if reached else "NOT reached"
