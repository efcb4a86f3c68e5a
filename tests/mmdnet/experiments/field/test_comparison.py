from dataclasses import astuple

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score, f1_score

from mmdnet.experiments.field.comparison import MEAN, Comparison
from mmdnet.experiments.field.files import facts
from mmdnet.experiments.field.plan import FieldPlan
from mmdnet.experiments.field.result import Cell, Cost, FieldResult, TaskSaid, TestedBags

TestedBags.__test__ = False  # a record, no test


def test_figures_are_scikit_learns_over_the_whole_scale(result, comparison):
    kappas, f1 = [], []
    for part in result.parts:
        cell = result.cell("abmil", part)
        truth, said = cell.bags.truth["steatosis"], cell.said["steatosis"].grades
        kappas.append(cohen_kappa_score(truth, said, labels=range(4), weights="quadratic"))
        f1.append(f1_score(truth, said, average="macro", labels=sorted({*truth, *said}), zero_division=0))
    spread = comparison.spread("abmil", "steatosis")
    assert spread.mean == pytest.approx(np.mean(kappas))
    assert spread.sd == pytest.approx(np.std(kappas, ddof=1))
    low, high = stats.t.interval(0.95, 1, np.mean(kappas), stats.sem(kappas))
    assert (spread.low, spread.high) == pytest.approx((max(low, -1), min(high, 1)), abs=1e-3)
    assert comparison.spread("abmil", "steatosis", "f1_macro").mean == pytest.approx(np.mean(f1))
    by_task = [comparison.spread("abmil", task).mean for task in comparison.tasks]
    assert comparison.spread("abmil", MEAN).mean == pytest.approx(np.mean(by_task))


def test_confusions_hold_every_bag(result, comparison):
    bags = sum(len(result.cell("mean", part).bags.patients) for part in result.parts)
    assert comparison.confusion("mean", "steatosis").sum() == bags
    assert comparison.confusion("mean", "steatosis").shape == (4, 4)


def crafted(wrong: dict[str, float], parts: int = 1, patients: int = 30) -> FieldResult:
    """Methods that are wrong by a grade so often, on the same bags."""
    random = np.random.default_rng(0)
    cells = []
    for part in range(parts):
        truth = random.integers(0, 4, 3 * patients)
        bags = TestedBags(
            patients=tuple(f"p{n // 3}" for n in range(3 * patients)),
            slides=tuple(range(3 * patients)),
            truth={"steatosis": tuple(truth.tolist())},
        )
        for method, share in wrong.items():
            off = random.random(len(truth)) < share
            said = np.where(off, np.abs(truth - 1), truth)
            probabilities = tuple(tuple(row) for row in np.eye(4)[said].tolist())
            told = TaskSaid(grades=tuple(said.tolist()), expected=tuple(map(float, said)), probabilities=probabilities)
            cost = Cost(parameters=1, train_processor_s=1.0, patches_per_s=1.0)
            cells.append(
                Cell(
                    method=method,
                    part=f"seed {part}",
                    seed=part,
                    bags=bags,
                    said={"steatosis": told},
                    curve=(),
                    best_epoch=1,
                    cost=cost,
                )
            )
    return FieldResult(
        plan=FieldPlan(methods=tuple(wrong), seeds=tuple(range(parts))),
        data="made",
        extractor="none",
        simulated=True,
        tasks={"ballooning": 3, "steatosis": 4},
        cells=tuple(cells),
    )


def test_a_worse_method_is_told_apart_on_the_same_patients_and_an_equal_one_is_not():
    comparison = Comparison(crafted({"mmd-net": 0.05, "abmil": 0.05, "mean": 0.6}))
    ahead = {difference.method: difference for difference in comparison.differences}
    assert ahead["mean"].ahead.low > 0
    assert ahead["mean"].p_adjusted < 0.01
    assert ahead["abmil"].ahead.low < 0 < ahead["abmil"].ahead.high
    assert ahead["abmil"].p_adjusted > 0.05
    assert all(difference.p_adjusted >= difference.p for difference in comparison.differences)
    alone = comparison.spread("mean", MEAN)
    assert alone.sd is None
    assert alone.low < alone.mean < alone.high


def test_so_few_patients_that_draws_repeat_give_no_p():
    (difference,) = Comparison(crafted({"mmd-net": 0.05, "mean": 0.6}, patients=6)).differences
    assert difference.ahead.value > 0
    assert difference.p is None
    assert difference.p_adjusted is None


def test_ranks_and_critical_difference_are_demsars():
    comparison = Comparison(crafted({"mmd-net": 0.0, "abmil": 0.3, "mean": 0.7}, parts=4))
    ranks = comparison.ranks
    assert ranks.mean == {"mmd-net": 1.0, "abmil": 2.0, "mean": 3.0}
    assert ranks.critical_difference == pytest.approx(2.343 * np.sqrt(3 * 4 / (6 * 4)), abs=1e-3)
    assert ranks.friedman_p < 0.05
    assert Comparison(crafted({"mean": 0.1}, parts=4)).ranks is None
    assert Comparison(crafted({"mmd-net": 0.0, "mean": 0.7}, parts=4, patients=2)).ranks is None


def test_what_nobody_knows_is_not_given():
    comparison = Comparison(crafted({"mmd-net": 0.1}))
    assert comparison.tasks == ("steatosis",)
    assert comparison.differences == ()
    assert astuple(comparison.spread("mmd-net", "ballooning")) == (None, None, None, None, 0)


@pytest.mark.parametrize("parts", [1, 3])
def test_few_patients_carry_no_interval_and_the_facts_say_so(parts):
    for patients in (2, 4, 5):
        few = crafted({"mmd-net": 0.1, "mean": 0.4}, parts, patients)
        compared = Comparison(few)
        spreads = [compared.spread("mean", task) for task in ("steatosis", MEAN)]
        ahead = compared.differences[0].ahead
        assert all(spread.mean is not None for spread in spreads) and ahead.value is not None
        given = [spread.low for spread in spreads] + [ahead.low]
        assert [low is not None for low in given] == [patients >= 5] * 3
        said = " ".join(facts(few))
        assert f"{patients} patients are too few" in said and ("neither an interval" in said) == (patients < 5)


def test_the_calibration_curve_holds_every_judged_bag_of_all_parts(result, comparison):
    for name in comparison.tasks:
        bins = comparison.reliability("abmil", name)
        assert sum(part.slides for part in bins) == comparison.confusion("abmil", name).sum()
        right = sum(part.slides * part.right for part in bins)
        assert right == pytest.approx(np.trace(comparison.confusion("abmil", name)))
