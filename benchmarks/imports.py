"""imports: processor time to import what a page needs, and of `mmdnet --help`, each in processes of their own."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.result import Result

ROOT = Path(__file__).parent.parent
BEFORE_S = {"page": 3.7, "help": 0.43}  # commit 20b346b, taking turns with this one on two busy cores
REACH = 0.7
PAGE = """
import ast, pathlib
files = [pathlib.Path("app.py"), *sorted(pathlib.Path("pages").glob("*.py"))]
for file in files:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(ast.unparse(node))
import mmdnet.lab
"""
COMMANDS = {"page": ["-c", PAGE], "help": ["-m", "mmdnet", "--help"]}


def cpu_s(arguments: list[str]) -> float:
    """User and system time of one Python process, in s."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, env=dict(os.environ))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def run(quick: bool = False) -> Result:
    """The dearer of the two as a share of what it was, medians of several processes after one that fills caches."""
    runs = 3 if quick else 5
    taken = {name: [cpu_s(command) for _ in range(runs + 1)][1:] for name, command in COMMANDS.items()}
    median = {name: statistics.median(seconds) for name, seconds in taken.items()}
    share = {name: median[name] / BEFORE_S[name] for name in median}
    beside = {
        "reach": REACH,
        "reach_is": "most",
        "seconds": {name: round(seconds, 3) for name, seconds in median.items()},
        "before_s": BEFORE_S,
        "share": {name: round(value, 2) for name, value in share.items()},
    }
    return Result("imports", max(share.values()), "of the time before", beside, runs)
