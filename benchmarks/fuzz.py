"""[fuzz] Valid files spoilt at random, sent through uploads and imports: no crash, no hang, nothing half taken in.

The files are the lab's own (labels, tables of facts, small pictures); spoiling cuts, flips, repeats, blanks and swaps
numbers. They are taken by a process that says what became of each: when it dies, or takes more than `MOST_CPU_S` of a
processor for a file, that is seen from outside, and the next file goes on in a new one.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.result import Result
from mmdnet.errors import LabError
from mmdnet.settings import PROJECT_ROOT
from mmdnet.slides.facts import StatedFacts
from tests.label_bench import LabelBench, grade_all, make_label_bench

FILES, QUICK_FILES = 2_400, 240
MOST_CPU_S = 20
MIB = 2**20
LABELS, TABLES, PICTURES = ("csv", "jsonl", "parquet", "zip"), ("csv", "xlsx", "parquet"), (".png", ".jpg", ".tif")
NUMBERS = (
    b"NaN",
    b"-1",
    b"9" * 400,
    b"1e999",
    b"0x10",
    b"",
    b"null",
    b"9223372036854775808",
    b"\xff\xfe",
    b'"',
    b"=1+1",
)
Kept = Counter[str]


def run(quick: bool = False) -> Result:
    """`value` is how many files crashed the process, hung it, broke it or were half taken in. Quick: 240 files."""
    wanted, told, at = QUICK_FILES if quick else FILES, [], 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        while at < wanted:
            child = subprocess.run(
                [sys.executable, "-m", "benchmarks.fuzz", tempfile.mkdtemp(dir=folder), str(at), str(wanted)],
                cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
            lines = [json.loads(line) for line in child.stdout.splitlines() if line.startswith("{")]
            told += lines
            at = max((line["file"] + 1 for line in lines), default=at)
            if child.returncode:
                told.append({"file": at, "became": "hung" if child.returncode == -signal.SIGPROF else "crashed"})
                at += 1
    became = Counter(line["became"] for line in told)
    wrong = sum(number for name, number in became.items() if name not in ("refused", "taken"))
    grown = max(line.get("grown_mib", 0) for line in told)
    beside = {"reach": 0, "reach_is": "most", **became, "also": {"MiB of growth": (grown, "most", 300)}}
    beside["first_wrong"] = [line for line in told if line["became"] not in ("refused", "taken")][:5]
    return Result("fuzz", wrong, "files crashed, hung, broke or half taken", beside, len(told))


def spoilt(data: bytes, rng: random.Random) -> bytes:
    """The same bytes, spoilt one to three times."""
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice((1, 2, 8, 100, 4000)))
        match rng.randrange(6):
            case 0:
                data = data[:start]
            case 1:
                data = data[:start] + bytes(rng.randrange(256) for _ in data[start:end]) + data[end:]
            case 2:
                data = data[:start] + data[end:]
            case 3:
                data = data[:end] + data[start:end] * rng.choice((1, 2, 30)) + data[end:]
            case 4:
                data = data[:start] + bytes(end - start) + data[end:]
            case 5:
                data = data[:start] + rng.choice(NUMBERS) + data[end:]
    return data


class Fuzzed:
    """A lab with graded patches, its own files, and what takes each kind of them in."""

    def __init__(self, home: Path) -> None:
        from mmdnet.lab import open_lab
        from mmdnet.settings import Settings

        self.bench: LabelBench = make_label_bench(home)
        self.lab = open_lab(Settings(home=home))
        grade_all(self.bench, 0, [1, 2, 3, 0, 1, 2])
        project = self.bench.project
        labels = {kind: self.lab.labels.files.export(project, kind).data for kind in LABELS}
        tables = {kind: self.lab.slides.tables.export(project, kind) for kind in TABLES}
        self.kinds: list[tuple[bytes, Callable[[bytes], object]]] = [
            *((data, self._label_taker(f"labels.{kind}")) for kind, data in labels.items()),
            *((data, self._table_taker(f"slides.{kind}")) for kind, data in tables.items()),
            *((_picture(suffix), self._picture_taker(f"slide{suffix}")) for suffix in PICTURES),
        ]

    def become(self, number: int) -> str:
        """What became of the file of this number: taken, refused, half taken, or the fault it met."""
        rng = random.Random(number)
        data, take = self.kinds[number % len(self.kinds)]
        sent, before = spoilt(data, rng), self._rows()
        try:
            take(sent)
        except LabError:
            return "refused" if self._rows() == before else "half taken"
        except Exception as fault:
            return f"{type(fault).__name__}: {str(fault)[:100]}"
        return "taken" if self.lab.labels.record.verify().intact else "record broken"

    def _rows(self) -> Kept:
        from sqlalchemy import func, select

        from db.models import Base

        with self.lab.db() as session:
            tables = Base.metadata.sorted_tables
            return Counter({t.name: session.scalar(select(func.count()).select_from(t)) or 0 for t in tables})

    def _label_taker(self, name: str) -> Callable[[bytes], object]:
        def take(data: bytes) -> None:
            files, before = self.lab.labels.files, self._rows()["label_events"]
            outcome = files.import_file(self.bench.project, name, data, reader="Ben")
            added = self._rows()["label_events"] - before
            if added != outcome.imported or (outcome.problems and added):
                raise RuntimeError(f"{added} labels came in, and {outcome.imported} were told")
            _refuse(outcome.problems)

        return take

    def _table_taker(self, name: str) -> Callable[[bytes], object]:
        return lambda data: self.lab.slides.tables.import_file(self.bench.project, name, data, reader="Ben", apply=True)

    def _picture_taker(self, name: str) -> Callable[[bytes], object]:
        def take(data: bytes) -> None:
            kept = self.lab.settings.folder("uploads")
            before = len(list(kept.iterdir()))
            outcome = self.lab.slides.uploads.add(self.bench.project, name, data, StatedFacts(mpp=0.5))
            if outcome.slide_id is None and len(list(kept.iterdir())) != before:
                raise RuntimeError("a refused upload stayed in the lab's folder")
            _refuse(outcome.problem if outcome.slide_id is None else None)

        return take


def _refuse(problems: object) -> None:
    """Say a refusal that came as an outcome as the others are said."""
    if problems:
        raise LabError(str(problems))


def _picture(suffix: str) -> bytes:
    from tests.small_lab import draw_tissue

    with tempfile.TemporaryDirectory() as folder:
        return draw_tissue(Path(folder) / f"slide{suffix}", side=620).read_bytes()


def told_of(home: Path, first: int, end: int) -> Iterator[dict[str, object]]:
    """What became of each file, and how much memory was taken since before the first of them, in MiB."""
    fuzzed = Fuzzed(home)
    for data, take in fuzzed.kinds:  # as they are: what is imported and kept for good is no growth
        take(data)
    before = _peak_mib()
    for number in range(first, end):
        signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)
        yield {"file": number, "became": fuzzed.become(number), "grown_mib": round(_peak_mib() - before, 1)}
    signal.setitimer(signal.ITIMER_PROF, 0)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB


if __name__ == "__main__":
    for line in told_of(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])):
        print(json.dumps(line), flush=True)
