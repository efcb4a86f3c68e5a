"""audit: the whole event log checked; and any altered row named."""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.result import Result
from db import event_log
from tests.label_bench import LabelBench, make_label_bench

ALTERED = 5


def run(quick: bool = False) -> Result:
    """Seconds to verify 1,000,000 events; how many of a few altered rows were named."""
    events = 50_000 if quick else 1_000_000
    with TemporaryDirectory() as folder:
        bench = make_label_bench(Path(folder), patches=1000)
        _fill(bench, events)
        start, processor = time.perf_counter(), time.process_time()
        verdict = bench.labels.record.verify()
        taken, processor = time.perf_counter() - start, time.process_time() - processor
        named = sum(_altered_is_named(bench, Path(folder), number) for number in _some_rows(events))
    beside = {
        "processor_s": round(processor, 2),
        "events": verdict.events,
        "intact": verdict.intact,
        "altered": ALTERED,
        "named": named,
        "reach": "<= 10 s",
    }
    return Result("audit", taken, "s", beside)


def _fill(bench: LabelBench, events: int) -> None:
    patches = [patch for own in bench.patches.values() for patch in own]
    for start in range(0, events, 20_000):
        with event_log.appending(bench.db) as session:  # type: ignore[arg-type]
            event_log.append(
                session,
                (
                    event_log.NewEvent(
                        f"bench-{number:09d}",
                        None,
                        bench.readers[0],
                        patches[number % len(patches)],
                        "grade",
                        number % 3,
                        number % 4,
                        number % 4,
                        shown={"view": "patch"},
                        took_ms=2000,
                    )
                    for number in range(start, min(events, start + 20_000))
                ),
            )


def _some_rows(events: int) -> list[int]:
    return random.Random(0).sample(range(2, events), ALTERED)


def _altered_is_named(bench: LabelBench, folder: Path, number: int) -> bool:
    """Change a row behind the lab's back, see whether it is named, and put it back."""
    file = sqlite3.connect(folder / "lab.sqlite")
    for act in ("update", "delete"):
        file.execute(f"DROP TRIGGER IF EXISTS label_events_no_{act}")
    file.execute("UPDATE label_events SET took_ms = took_ms + 1 WHERE id = ?", (number,))
    file.commit()
    named = bench.labels.record.verify().broken_id == number
    file.execute("UPDATE label_events SET took_ms = took_ms - 1 WHERE id = ?", (number,))
    file.commit()
    file.close()
    return named
