"""queue: a queue of 100,000 (and 1,000,000) patches planned and written, and the next patch found in it."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.result import Result
from mmdnet.workflows.labelling.views import QueueChoice
from tests.label_bench import LabelBench, make_label_bench

SLIDES = 20


def run(quick: bool = False) -> Result:
    """Seconds to rebuild a queue of 100,000; a million, and the next patch, beside it."""
    small, large = (10_000, 0) if quick else (100_000, 1_000_000)
    build_s, processor_s, next_ms, resume_ms = _measure(small)
    beside: dict[str, object] = {
        "patches": small,
        "processor_s": processor_s,
        "next_patch_ms": next_ms,
        "resume_ms": resume_ms,
    }
    if large:
        large_s, large_processor_s, large_next_ms, large_resume_ms = _measure(large)
        beside |= {"million_s": round(large_s, 2), "million_next_patch_ms": large_next_ms}
        beside |= {"million_resume_ms": large_resume_ms, "million_processor_s": large_processor_s}
    beside["reach"] = "100,000: <= 2 s; 1,000,000: <= 20 s, next patch <= 5 ms"
    return Result("queue", build_s, "s", beside)


def _measure(patches: int) -> tuple[float, float, float, float]:
    with TemporaryDirectory() as folder:
        bench = make_label_bench(Path(folder), slides=SLIDES, patches=patches // SLIDES)
        start, processor = time.perf_counter(), time.process_time()
        choice = QueueChoice(bench.slides, patches, plan="stratified")
        view = bench.labels.sessions.create(bench.project, bench.readers[0], "Bench", choice)
        build_s, processor_s = time.perf_counter() - start, round(time.process_time() - processor, 2)
        next_ms = _median_ms(lambda: bench.labels.sessions.queue(view.id, patches // 2, 1))
        return build_s, processor_s, next_ms, _resume_ms(bench, view.id)


def _resume_ms(bench: LabelBench, session_id: int) -> float:
    return _median_ms(lambda: bench.labels.sessions.progress(session_id), runs=3)


def _median_ms(work, runs: int = 30) -> float:  # type: ignore[no-untyped-def]
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return round(sorted(taken)[len(taken) // 2], 2)
