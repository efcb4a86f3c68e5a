"""Agreement: ours equal the kept libraries to 1e-9, and hand-worked cases.

`irrcac.json` holds tables and what irrCAC 0.4.4 gives for them. It wants an older numpy than the lab, so it was run apart
(in an environment of its own, `CAC(data, weights, categories, digits=15)`).
"""

import json
from pathlib import Path

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from mmdnet.errors import LabError
from mmdnet.labels.agreement import (
    COEFFICIENTS,
    FEWEST,
    FEWEST_CLUSTERS,
    OF_MANY,
    OF_TWO,
    PUBLISHED,
    coefficient,
    confusion,
    estimates,
    kappas_of_counts,
    quadratic_kappa,
    weights_of,
)

IRRCAC = json.loads(Path(__file__).with_name("irrcac.json").read_text())
pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60)
gappy = st.lists(st.tuples(*[st.integers(-1, 3)] * 3), min_size=2, max_size=40)


@settings(max_examples=80)
@given(pairs, st.sampled_from([("plain", None), ("linear", "linear"), ("quadratic", "quadratic")]))
def test_kappa_equals_scikit_learn(grades, kind):
    table = np.array(grades)
    ours = coefficient(f"kappa_{kind[0]}", table, 4)
    theirs = cohen_kappa_score(*table.T, weights=kind[1], labels=[0, 1, 2, 3]) if len(np.unique(table)) > 1 else None
    assert ours == (None if theirs is None else pytest.approx(theirs, abs=1e-9))


def test_weighted_kappa_matches_a_case_by_hand():
    # two raters, four slides: one error of one grade. seen = 1; expected = sum of squared gaps of all 16 pairs / 4
    truth, grade = np.array([0, 1, 2, 3]), np.array([0, 1, 2, 2])
    gaps = sum((t - g) ** 2 for t in truth for g in grade) / 4
    assert quadratic_kappa(truth, grade, 4) == pytest.approx(1 - 1 / gaps)
    assert np.isnan(quadratic_kappa(np.zeros(3, int), np.zeros(3, int), 4))


@settings(max_examples=50)
@given(st.lists(st.tuples(*[st.integers(-1, 3)] * 2), min_size=2, max_size=40))
def test_one_kappa_is_the_one_of_many_and_leaves_out_what_either_did_not_grade(grades):
    table = np.array(grades)
    assume(confusion(table, 4).sum() >= FEWEST)
    alone, of_many = quadratic_kappa(*table.T, 4), coefficient("kappa_quadratic", table, 4)
    assert alone == pytest.approx(np.nan if of_many is None else of_many, abs=1e-9, nan_ok=True)
    many = kappas_of_counts(np.stack([confusion(table, 4)] * 2))
    assert many == pytest.approx([alone, alone], abs=1e-9, nan_ok=True)


@settings(max_examples=50)
@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=3, max_size=40))
def test_fleiss_equals_statsmodels(rows):
    table = np.array(rows)
    ours = coefficient("fleiss", table, 4)
    if len(np.unique(table)) == 1:
        assert ours is None
    else:
        assert ours == pytest.approx(fleiss_kappa(aggregate_raters(table, 4)[0]), abs=1e-9)


@settings(max_examples=80)
@given(gappy, st.sampled_from(["ordinal", "nominal"]))
def test_alpha_equals_krippendorffs_library_with_gaps_too(rows, level):
    table = np.array(rows)
    ours = coefficient(f"alpha_{level}", table, 4)
    shared = table[(table >= 0).sum(axis=1) >= 2]
    if len(shared) < 2 or len(np.unique(shared[shared >= 0])) < 2:
        assert ours is None
    else:
        data = np.where(table < 0, np.nan, table).T
        theirs = krippendorff.alpha(data, level_of_measurement=level, value_domain=[0, 1, 2, 3])
        assert ours == pytest.approx(theirs, abs=1e-9)


OURS = {"gwet_plain": "ac1", "gwet_quadratic": "ac2", "alpha_nominal": "alpha_nominal", "fleiss_plain": "fleiss"}
OURS |= {f"conger_{kind}": f"kappa_{kind}" for kind in ("plain", "linear", "quadratic")}


@pytest.mark.parametrize("case", IRRCAC, ids=lambda case: f"{len(case['table'])}x{len(case['table'][0])}")
def test_every_coefficient_equals_irrcac(case):
    table = np.array(case["table"])
    compared = [OURS[name] for name in case["irrcac"] if name in OURS]
    assert {"ac1", "ac2", "alpha_nominal"} <= set(compared)
    for name, theirs in case["irrcac"].items():
        if name in OURS:
            assert coefficient(OURS[name], table, case["grades"]) == pytest.approx(theirs, abs=1e-9), name


def test_gwets_ac1_of_a_hand_worked_table():
    # 118 + 2 agreed of 125; prevalence of grade 1: (5 + 4) / 2 / 125 = 0.036; p_e = 2 * 0.036 * 0.964 = 0.069408
    table = np.array([[0, 0]] * 118 + [[0, 1]] * 2 + [[1, 0]] * 3 + [[1, 1]] * 2)
    expected = 2 * 0.036 * 0.964
    assert coefficient("ac1", table, 2) == pytest.approx((120 / 125 - expected) / (1 - expected), abs=1e-12)
    assert coefficient("kappa_plain", table, 2) < 0.5 and coefficient("ac1", table, 2) > 0.95


def test_perfect_agreement_is_one_by_every_coefficient():
    table = np.array([[0, 0], [1, 1], [2, 2], [1, 1]])
    assert [coefficient(name, table, 3) for name in COEFFICIENTS] == pytest.approx([1] * 8)


def test_what_is_not_defined_is_none():
    single = np.zeros((1, 2), int)
    nothing = np.full((5, 2), -1)
    for name in COEFFICIENTS:
        assert coefficient(name, single, 3) is None and coefficient(name, nothing, 3) is None
        assert coefficient(name, np.zeros((0, 2), int), 3) is None
    same = np.zeros((5, 2), int)
    assert all(coefficient(name, same, 3) is None for name in OF_TWO if name not in ("ac1", "ac2"))
    assert coefficient("ac1", same, 3) == 1


def test_patches_one_reader_did_not_grade_are_left_out():
    table = np.array([[0, 0], [-1, 1], [2, -1], [1, 2]])
    assert confusion(table, 3).sum() == 2
    full = np.array([[0, 0], [1, 2]])
    for name in OF_TWO[:4]:
        assert coefficient(name, table, 3) == coefficient(name, full, 3)


def disagreeing(patches=120, readers=2, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, patches)
    return np.clip(truth[:, None] + rng.integers(-1, 2, (patches, readers)), 0, 3)


def test_an_interval_holds_its_value_and_is_seeded():
    table, slides = disagreeing(), np.repeat(np.arange(12), 10)
    by_name = estimates(OF_TWO, table, 4, slides)
    for estimate in by_name.values():
        assert estimate.low < estimate.value < estimate.high and estimate.n == 120
    assert by_name == estimates(OF_TWO, table, 4, slides)
    assert {name: estimate.value for name, estimate in by_name.items()} == {
        name: pytest.approx(coefficient(name, table, 4)) for name in OF_TWO
    }


@pytest.mark.parametrize("clustered", [True, False])
def test_intervals_are_those_of_a_bootstrap_done_the_long_way(clustered):
    table = disagreeing(40, 3)
    slides = np.repeat(np.arange(8), 5) if clustered else np.zeros(40, int)
    fast = estimates(OF_MANY, table, 4, slides, resamples=4000)
    rng = np.random.default_rng(5)
    groups = (
        [np.flatnonzero(slides == slide) for slide in range(8)] if clustered else [np.array([n]) for n in range(40)]
    )
    drawn = {name: [] for name in OF_MANY}
    for _ in range(1500):
        rows = table[np.concatenate([groups[n] for n in rng.integers(0, len(groups), len(groups))])]
        for name in OF_MANY:
            drawn[name].append(coefficient(name, rows, 4))
    for name in OF_MANY:
        low, high = np.percentile([value for value in drawn[name] if value is not None], [2.5, 97.5])
        assert (fast[name].low, fast[name].high) == (pytest.approx(low, abs=0.04), pytest.approx(high, abs=0.04))


def test_an_interval_covers_what_is_true_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    truth = coefficient("kappa_quadratic", disagreeing(200_000, seed=9), 4)
    inside = 0
    for seed in range(120):
        by_name = estimates(
            ["kappa_quadratic"], disagreeing(150, seed=seed), 4, np.zeros(150), seed=int(rng.integers(1e6))
        )
        inside += by_name["kappa_quadratic"].low <= truth <= by_name["kappa_quadratic"].high
    assert 104 <= inside <= 120  # 95 % of 120 is 114; fewer than 104 has probability below 0.001


def test_few_slides_are_not_drawn():
    table = disagreeing(40)
    few = estimates(["ac1"], table, 4, np.repeat(np.arange(FEWEST_CLUSTERS - 1), 10))
    none = estimates(["ac1"], table, 4, np.zeros(40, int))
    assert few == none


def test_no_interval_where_every_draw_says_the_same():
    kappa = estimates(["kappa_quadratic"], np.array([[0, 0], [1, 1], [2, 2]] * 4), 3, np.arange(12))["kappa_quadratic"]
    assert kappa.value == 1 and kappa.low is kappa.high is None


def test_no_interval_where_most_draws_have_no_value():
    table = np.array([[0, 0]] * 200 + [[1, 1], [0, 1]])
    kappa = estimates(["kappa_plain"], table, 3, np.zeros(202))["kappa_plain"]
    assert 0.6 < kappa.value < 1 and kappa.low is not None  # two in three draws hold one that differs
    rare = np.array([[0, 0]] + [[1, 1]] + [[-1, 1]] * 400)
    kappa = estimates(["kappa_plain"], rare, 3, np.zeros(402))["kappa_plain"]
    assert kappa.value == 1 and kappa.low is None


def test_a_hundred_thousand_patches_take_no_time():
    import time

    start = time.process_time()
    estimates(OF_TWO, disagreeing(100_000), 4, np.zeros(100_000, int))
    assert time.process_time() - start < 5


def test_an_unknown_weighting_is_refused():
    with pytest.raises(LabError):
        weights_of(3, "cubic")


def test_published_figures_say_what_was_graded_and_where_they_stand():
    assert all(published.unit == "biopsy" and published.source for published in PUBLISHED)
    assert PUBLISHED[0].kappa == {"steatosis": 0.79, "inflammation": 0.45, "ballooning": 0.56}
