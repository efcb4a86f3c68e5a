"""imports: processor time to import what a page needs and of `mmdnet --help`, each beside the least there could be.

A page needs Streamlit whatever we write, the command line Typer: bare imports of those are the limits, measured in turn
with ours, each in a process of its own.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.result import Result

ROOT = Path(__file__).parent.parent
# 0.7 of what commit 20b346b took beside the same limits: 3.66 times Streamlit, 2.59 times Typer (docs/results.md).
REACH = {"page": 2.56, "help": 1.81}
PAGE = """
import ast, pathlib
files = [pathlib.Path("app.py"), *sorted(pathlib.Path("pages").glob("*.py"))]
for file in files:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(ast.unparse(node))
import mmdnet.lab
"""
COMMANDS = {
    "page": ["-c", PAGE],
    "streamlit": ["-c", "import streamlit"],
    "help": ["-m", "mmdnet", "--help"],
    "typer": ["-c", "import typer"],
}


def cpu_s(arguments: list[str]) -> float:
    """User and system time of one Python process, in s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def run(quick: bool = False) -> Result:
    """Medians of several processes each, after one that fills caches."""
    runs = 3 if quick else 9
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(runs + 1):
        for name, command in COMMANDS.items():
            seconds = cpu_s(command)
            if turn:
                taken[name].append(seconds)
    median = {name: statistics.median(seconds) for name, seconds in taken.items()}
    beside = {
        "reach": REACH["page"],
        "reach_is": "most",
        "also": {"x bare typer: mmdnet --help": (median["help"] / median["typer"], "most", REACH["help"])},
        "seconds": {name: round(seconds, 3) for name, seconds in median.items()},
    }
    return Result("imports", median["page"] / median["streamlit"], "x bare streamlit: a page", beside, runs)
