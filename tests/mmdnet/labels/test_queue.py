"""Queues: nothing twice, nothing foreign, seeded, and always with a random audit stream."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.labels.queue import (
    BLOCK,
    FIRST_BLOCK,
    ORDERS,
    Candidates,
    fat_kind,
    number_of_each,
    plan_queue,
    planned_number,
)


def candidates(slides=3, each=40):
    count = slides * each
    rng = np.random.default_rng(1)
    return Candidates(
        np.arange(count) + 100,
        np.arange(count) % slides,
        tissue_kind=rng.integers(0, 4, count),
        acquisition=rng.random(count),
    )


@settings(max_examples=60)
@given(
    st.integers(0, 5),
    st.integers(1, 50),
    st.integers(0, 60),
    st.floats(0, 1),
    st.sampled_from(sorted(ORDERS)),
    st.integers(0, 99),
)
def test_a_queue_asks_for_each_patch_once_and_for_as_many_as_wanted(slides, each, per_slide, audit, order, seed):
    known = candidates(slides, each)
    picks = plan_queue(known, per_slide, order, seed, audit)
    patches = [pick.patch_id for pick in picks]
    assert len(set(patches)) == len(patches) == slides * min(per_slide, each)
    assert set(patches) <= set(known.patch_id.tolist())
    assert sum(pick.stream == "audit" for pick in picks) == slides * round(min(per_slide, each) * audit)


def test_the_same_seed_gives_the_same_queue_and_another_another():
    assert plan_queue(candidates(), 10, seed=4) == plan_queue(candidates(), 10, seed=4)
    assert plan_queue(candidates(), 10, seed=4) != plan_queue(candidates(), 10, seed=5)


def test_quotas_are_per_slide():
    known = candidates()
    slide_of = dict(zip(known.patch_id.tolist(), known.slide_id.tolist(), strict=True))
    picks = plan_queue(known, {0: 3, 2: 7})
    assert Counter(slide_of[pick.patch_id] for pick in picks) == {0: 3, 2: 7}


def test_every_slide_has_patches_before_any_has_a_second_block():
    known = candidates()
    slide_of = dict(zip(known.patch_id.tolist(), known.slide_id.tolist(), strict=True))
    order = [slide_of[pick.patch_id] for pick in plan_queue(known, 12, block=6)]
    assert {*order[:6]} == {*order[6:24]} == {0, 1, 2}
    assert all(len({*order[start : start + 2]}) == 1 for start in range(0, 6, 2))
    assert all(len({*order[start : start + 6]}) == 1 for start in range(6, 24, 6))


@settings(max_examples=40)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 99))
def test_wherever_a_reader_stops_slides_and_runs_have_their_part(slides_of_runs, seed):
    run_of = np.repeat(np.arange(len(slides_of_runs)), slides_of_runs)
    slides, each = run_of.size, 30
    slide_id = np.repeat(np.arange(slides), each)
    known = Candidates(np.arange(slides * each), slide_id, run_id=run_of[slide_id])
    order = np.array([slide_id[pick.patch_id] for pick in plan_queue(known, 20, seed=seed)])
    for stop in range(1, order.size + 1):
        by_slide = np.bincount(order[:stop], minlength=slides)
        assert np.ptp(by_slide) <= BLOCK
        by_run = np.bincount(run_of, weights=by_slide)
        assert np.abs(by_run - stop * np.array(slides_of_runs) / slides).max() <= 1.5 * BLOCK
    assert {*order[: FIRST_BLOCK * slides]} == {*range(slides)}


def test_the_stratified_plan_takes_every_kind_of_tissue_as_often_as_it_can():
    known = Candidates(
        np.arange(100), np.zeros(100, int), tissue_kind=np.r_[np.zeros(90, int), np.ones(8, int), [2, 2]]
    )
    picks = plan_queue(known, 12, "stratified", audit_share=0)
    assert Counter(known.tissue_kind[[pick.patch_id for pick in picks]].tolist()) == {0: 5, 1: 5, 2: 2}


def test_a_ranked_plan_takes_nothing_without_a_value_and_random_patches_do_not_fill_up():
    known = candidates(slides=2, each=50)
    values = np.where(np.arange(100) < 6, known.acquisition, np.nan)
    picks = plan_queue(Candidates(known.patch_id, known.slide_id, acquisition=values), 20, "ranked", audit_share=0.2)
    by_stream = Counter(pick.stream for pick in picks)
    assert by_stream["audit"] == 8
    planned = {pick.patch_id for pick in picks if pick.stream == "plan"}
    assert planned <= set(known.patch_id[:6].tolist()) and len(planned) + by_stream["audit"] == len(picks)


def test_patches_of_the_plan_only_are_never_drawn_at_random():
    known = candidates(slides=1, each=50)
    seen = Candidates(known.patch_id, known.slide_id, acquisition=known.acquisition, only_plan=np.arange(50) % 2 == 0)
    picks = plan_queue(seen, 30, "ranked", audit_share=0.5)
    assert all(pick.patch_id % 2 for pick in picks if pick.stream == "audit")
    assert any(pick.patch_id % 2 == 0 for pick in picks if pick.stream == "plan")


def test_a_shuffled_plan_asks_for_the_same_patches_in_an_order_that_tells_nothing():
    known = candidates(slides=1, each=200)
    ranked = [pick.patch_id for pick in plan_queue(known, 100, "ranked", audit_share=0)]
    shuffled = [pick.patch_id for pick in plan_queue(known, 100, "shuffled", audit_share=0)]
    assert set(ranked) == set(shuffled)
    values = known.acquisition[np.array(shuffled) - 100]
    assert abs(np.corrcoef(np.arange(100), values)[0, 1]) < 0.3


@settings(max_examples=40)
@given(
    st.integers(0, 5), st.integers(1, 50), st.integers(0, 400), st.floats(0, 1), st.sampled_from(sorted(ORDERS)),
    st.integers(0, 99),
)  # fmt: skip
def test_a_total_is_taken_wherever_the_plan_finds_it(slides, each, total, audit, order, seed):
    known = candidates(slides, each)
    picks = plan_queue(known, order=order, seed=seed, audit_share=audit, total=total)
    wanted = min(total, slides * each)
    assert len({pick.patch_id for pick in picks}) == len(picks) == wanted
    assert sum(pick.stream == "audit" for pick in picks) == round(wanted * audit)


def test_where_audit_patches_come_in_the_queue_tells_nothing():
    places = []
    for seed in range(200):
        picks = plan_queue(candidates(1, 50), 20, "ranked", seed=seed)
        places += [n for n, pick in enumerate(picks) if pick.stream == "audit"]
    assert abs(np.mean(places) - 9.5) < 0.7
    assert np.std(places) == pytest.approx(5.77, abs=0.5)


def test_a_ranked_plan_asks_for_the_highest_value_first():
    known = candidates(slides=1)
    picks = plan_queue(known, 5, "ranked", audit_share=0)
    best = known.patch_id[np.argsort(-known.acquisition)[:5]]
    assert [pick.patch_id for pick in picks] == best.tolist()


def test_unknown_plans_and_shares_are_refused():
    for wrong in ({"order": "lucky"}, {"audit_share": 1.2}, {"per_slide": -1}, {"total": 4}, {"per_slide": None}):
        with pytest.raises(LabError):
            plan_queue(candidates(), **{"per_slide": 3, **wrong})
    with pytest.raises(LabError, match="scores"):
        plan_queue(Candidates(np.arange(3), np.zeros(3, int)), 2, "ranked")


def test_fat_that_was_not_measured_is_its_own_kind():
    assert fat_kind(np.array([0.0, 0.05, 0.2, 0.5, np.nan])).tolist() == [0, 1, 2, 3, 4]


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    wanted=st.integers(0, 40),
    audit=st.floats(0, 1),
    total=st.booleans(),
    order=st.sampled_from(["random", "stratified"]),
)
def test_the_number_of_a_queue_is_known_without_drawing_it(sizes, wanted, audit, total, order):
    slide_id = np.repeat(np.arange(len(sizes)), sizes)
    these = Candidates(np.arange(slide_id.size), slide_id, tissue_kind=np.arange(slide_id.size) % 3)
    asked = {"total": wanted} if total else {"per_slide": wanted}
    queue = plan_queue(these, order=order, audit_share=audit, **asked)
    number = planned_number(dict(enumerate(sizes)), asked.get("per_slide"), audit, asked.get("total"))
    assert number == (len(queue), sum(pick.stream == "audit" for pick in queue))


@pytest.mark.parametrize(
    ("sizes", "wanted", "each"),
    [([79, 63, 9], 60, 26), ([100] * 10, 60, 6), ([5, 4], 60, 5), ([30], 30, 30), ([8, 8], -3, 0), ([], 60, 0)],
)
def test_so_many_of_each_slide_come_to_what_is_wanted_where_there_are_as_many(sizes, wanted, each):
    assert number_of_each(sizes, wanted) == each
