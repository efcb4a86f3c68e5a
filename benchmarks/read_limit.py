"""[read-limit] The same patch, beside the bare libjpeg-turbo decode of the bytes it needs."""

from benchmarks.read import measure
from benchmarks.result import Result


def run(quick: bool) -> Result:
    took, runs, content = measure(quick)
    beside = {"reach": 80, **{f"{name}_cpu_ms": round(ms, 3) for name, ms in took.items()}, "tissue": content}
    return Result("read-limit", 100 * took["bare_decode"] / took["ours"], "% of the limit", beside, runs)
