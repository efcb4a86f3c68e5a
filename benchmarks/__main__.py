"""`python -m benchmarks NAME [NAME ...] [--quick]`: each benchmark ends with one line of JSON.

Cohorts that take long to draw and read are kept slide by slide, so a run that was stopped goes on (`--keep FOLDER`).
`slides` runs those of reading slides, `soak` those that attack, kill and fill a lab, `all` every one. Where several
ran, a table for people follows.
"""

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks._kept import HERE, keep_in
from benchmarks.result import Result, table
from mmdnet.errors import LabError

GROUPS = {
    "slides": ["read", "read-limit", "read-exact", "memory", "features", "zoom", "fat", "artefacts", "tissue"],
    "soak": [
        "routes",
        "fuzz",
        "restore",
        "cancel",
        "power-cut",
        "take-over",
        "kill",
        "augment-kill",
        "label-loss",
        "idle",
        "open-page",
        "sessions",
        "scale-out",
        "full-lab",
        "dependencies",
    ],
}
NOT_BENCHMARKS = {"__init__", "__main__", "result"}


def names() -> list[str]:
    """The benchmarks there are: one module each, `_helpers` left out."""
    stems = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return sorted(stem.replace("_", "-") for stem in stems if stem not in NOT_BENCHMARKS and not stem.startswith("_"))


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; exit code 1 if one could not be run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help=f"all, {', '.join(GROUPS)}, or: {', '.join(names())}")
    parser.add_argument("--quick", action="store_true", help="a short form, for a first look")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help=f"where drawn cohorts stay between runs (usual: {HERE})"
    )
    given = parser.parse_args(arguments)
    if given.keep is not None:
        keep_in(given.keep)
    groups = GROUPS | {"all": names()}
    wanted = list(dict.fromkeys(benchmark for name in given.names for benchmark in groups.get(name, [name])))
    unknown = [name for name in wanted if name not in names()]
    if unknown:
        parser.error(f"there is no benchmark called {', '.join(unknown)}; there are {', '.join(names())}")
    results: list[Result] = []
    for name in wanted:
        try:
            result: Result = importlib.import_module(f"benchmarks.{name.replace('-', '_')}").run(quick=given.quick)
        except LabError as error:
            result = Result(name, None, "not run", {"reason": str(error)}, runs=0)
        print(result.line(), flush=True)
        results.append(result)
    if len(results) > 1:
        print(f"\n{table(results)}", flush=True)
    return int(any(result.value is None for result in results))


if __name__ == "__main__":
    sys.exit(main())
