"""economy: labels the best active plan needs as a share of random ones for the same quadratic kappa; simulated slides.

What is replayed, and what it is not, stands in `mmdnet.experiments.label_efficiency`. The plan is the best of four on
the same runs, so its share is a little too good; all shares stand beside it.
"""

from __future__ import annotations

from benchmarks._kept import kept
from benchmarks.result import Result
from mmdnet.errors import LabError
from mmdnet.experiments.label_efficiency import make_pool, measure

BUDGET, QUICK_BUDGET = 400, 200


def run(quick: bool = False) -> Result:
    """Share of the labels drawn at random that reach the kappa of 400 of them."""
    slides, seeds, budget = (12, 2, QUICK_BUDGET) if quick else (60, 5, BUDGET)
    result = measure(make_pool(kept("benchmarks") / "economy", slides), seeds)
    best = result.best_active(budget)
    if best is None:
        raise LabError(f"No plan reached the kappa of {budget} labels drawn at random.")
    plan, share = best
    beside = {
        "plan": plan,
        "interval_95": [share.low, share.high],
        "random_labels": budget,
        "shares": {
            name: {number: needed.model_dump() for number, needed in plan_result.share_needed.items()}
            for name, plan_result in result.plans.items()
            if name != "random"
        },
        "slides": result.slides,
        "patches": result.patches,
        "reach": "aim at <= 0.6",
    }
    return Result("economy", share.value, "share of labels", beside, runs=seeds)
