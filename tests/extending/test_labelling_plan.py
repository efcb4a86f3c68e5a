"""A labelling plan is one entry of the registry and its acquisition function: nothing else knows plans by name."""

import numpy as np
import pytest

from mmdnet.labels.acquisition import Evidence
from mmdnet.labels.label_efficiency import Pool, replay
from mmdnet.labels.plans import PLANS, PREDICTIONS, Plan
from mmdnet.workflows.labelling.views import QueueChoice
from tests.label_bench import sure
from tests.nas import columns
from ui.agreement.label_efficiency import lines


def much_fat(known: Evidence) -> np.ndarray:
    """The probability of the highest grade of steatosis."""
    return known.probabilities["steatosis"][:, -1]


@pytest.fixture
def plan(monkeypatch):
    entry = Plan(
        "fat", "Much fat first", "Patches the model calls fat.", "ranked",
        reads=(PREDICTIONS,), needs=PREDICTIONS, acquisition=much_fat, replayed=True,
    )  # fmt: skip
    monkeypatch.setitem(PLANS, entry.name, entry)  # type: ignore[arg-type]
    return entry


def test_it_is_offered_says_what_it_needs_and_asks_for_what_its_function_values(label_bench, plan):
    bench = label_bench
    offered = {view.name: view for view in bench.labels.sessions.plans(bench.project, bench.slides)}
    assert (offered["fat"].title, offered["fat"].note) == ("Much fat first", PREDICTIONS.missing)
    fat = []
    for slide in bench.slides:
        grades = np.zeros(30, int)
        grades[:4] = 3
        bench.scored(slide, {"steatosis": sure(grades, "steatosis")})
        fat += bench.patches[slide][:4]
    choice = QueueChoice(bench.slides, 4, "fat", audit_share=0.0)
    view = bench.labels.sessions.create(bench.project, bench.readers[0], "Fat", choice)
    assert {item.patch_id for item in bench.labels.sessions.queue(view.id)} == set(fat)
    assert (view.plan.plan, view.plan.model) == ("fat", "first")
    assert bench.labels.suggestions.state(view.id).problem is None, "it asks for nothing again, so it is not blind"


def test_it_is_replayed_and_drawn_beside_the_others(plan):
    rng = np.random.default_rng(0)
    fat = rng.integers(0, 4, 300)
    grades = np.stack([rng.integers(0, 3, 300), rng.integers(0, 4, 300), fat], axis=1).astype(np.int8)
    features = np.c_[fat + rng.normal(0, 0.1, 300), rng.normal(size=(300, 2))]
    slide = np.arange(300) // 30
    pool = Pool(features, columns(grades), np.zeros(300, bool), slide, slide // 2)
    curve = replay(pool, "fat", 0, (24, 48))
    assert curve.labels == (24, 48) and curve.kappa["steatosis"][-1] > 0.8
    assert lines()["fat"].title == "Much fat first"
    assert len({line.colour for name, line in lines().items() if name != "quota"}) == len(lines()) - 1
