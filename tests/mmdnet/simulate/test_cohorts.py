"""Cohorts across the cuts: prevalence, sites and runs that give no grade away, slides of a wanted size."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASKS, task
from mmdnet.simulate.cohorts import (
    NATURAL_PREVALENCE,
    RANGES,
    SIZES,
    CohortPlan,
    cohort_recipes,
    density_at,
    patient_densities,
    size_for,
)
from mmdnet.simulate.outline import tissue_outlines
from mmdnet.simulate.recipes import DRAWN_TASKS, GOLDNER, GRADE_OF_DENSITY, HE, SlideRecipe
from mmdnet.simulate.scene import build_scene


def _grades(densities):
    return {name: np.array([grade(of[name]) for of in densities]) for name, grade in GRADE_OF_DENSITY.items()}


@pytest.mark.parametrize("name", sorted(RANGES))
def test_ranges_leave_no_gap_and_each_lies_in_its_grade(name):
    ranges, grade_of = RANGES[name], GRADE_OF_DENSITY[name]
    assert len(ranges) == task(name).highest + 1 == len(NATURAL_PREVALENCE[name])
    assert all(lower[1] == upper[0] for lower, upper in itertools.pairwise(ranges) if lower[1])
    assert [grade_of((low + high) / 2) for low, high in ranges] == list(range(len(ranges)))


@given(st.floats(0, 0.999), st.floats(0, 0.999), st.sampled_from(sorted(RANGES)))
def test_a_higher_rank_has_no_lower_density(first, second, name):
    low, high = sorted((first, second))
    at = [density_at(rank, RANGES[name], NATURAL_PREVALENCE[name]) for rank in (low, high)]
    assert at[0] <= at[1] <= RANGES[name][-1][1]


def test_continuous_lesions_have_each_grade_equally_often_and_lie_near_the_cuts():
    densities = patient_densities("continuous", 400, np.random.default_rng(3))
    for graded in DRAWN_TASKS:
        shares = np.bincount(_grades(densities)[graded.name], minlength=graded.highest + 1) / 400
        assert np.abs(shares - 1 / (graded.highest + 1)).max() < 0.06
    foci = np.array([of["inflammation"] for of in densities])
    assert ((foci > 1.6) & (foci < 2.4)).mean() > 0.05 and ((foci > 3.4) & (foci < 4.6)).mean() > 0.05
    fat = np.array([of["steatosis"] for of in densities])
    assert abs(np.corrcoef(foci, fat)[0, 1]) < 0.15


def test_natural_lesions_rise_together_and_half_the_patients_have_a_nas_of_five_or_more():
    grades = _grades(patient_densities("natural", 600, np.random.default_rng(0)))
    nas = np.sum(list(grades.values()), axis=0)
    assert 0.42 < (nas >= 5).mean() < 0.58
    assert np.corrcoef(grades["steatosis"], grades["inflammation"])[0, 1] > 0.2


def test_controls_have_no_lesion_and_hardly_any_fat():
    for recipe in cohort_recipes(CohortPlan(slides=20, lesions="none", patches=20)):
        assert recipe.densities["ballooning"] == recipe.densities["inflammation"] == 0
        assert recipe.densities["steatosis"] < 0.05


def test_a_patient_keeps_site_stain_scanner_and_run_and_its_pieces_differ_a_little():
    plan = CohortPlan(slides=48, stains=(HE, GOLDNER), scanners=("One", "Two"), runs_per_site=2, patches=20)
    of_patient = defaultdict(list)
    for recipe in cohort_recipes(plan):
        of_patient[recipe.patient].append(recipe)
    for first, second in of_patient.values():
        assert (first.site, first.stain, first.scanner, first.staining_run) == (
            second.site, second.stain, second.scanner, second.staining_run,
        )  # fmt: skip
        assert first.densities != second.densities
        for graded in TASKS:
            if graded.name in first.densities:
                assert (first.densities[graded.name] == 0) == (second.densities[graded.name] == 0)
    firsts = [recipes[0] for recipes in of_patient.values()]
    for fact in ("stain", "scanner"):
        assert set(np.unique([getattr(r, fact) for r in firsts], return_counts=True)[1].tolist()) == {12}
    assert {recipe.staining_run for recipe in firsts} == {
        f"{s} run {k}" for s in ("North", "South", "West") for k in (1, 2)
    }


def test_cohorts_of_other_seeds_share_no_patient_and_no_name():
    first, second = (cohort_recipes(CohortPlan(slides=12, seed=seed, patches=20)) for seed in (1, 2))
    assert not {r.patient for r in first} & {r.patient for r in second}
    assert len({r.name for r in [*first, *second]}) == 24
    assert first == cohort_recipes(CohortPlan(slides=12, seed=1, patches=20))


@settings(max_examples=12)
@given(st.integers(4, 4_000), st.sampled_from(["needle", "wedge"]), st.integers(0, 99))
def test_a_slide_is_as_large_as_the_wanted_patches(patches, form, seed):
    recipe = size_for(SlideRecipe(seed=seed, form=form), patches)
    mm2 = sum(abs(np.cross(o, np.roll(o, 1, axis=0)).sum()) / 2e6 for o in map(_deep, tissue_outlines(recipe)))
    assert mm2 == pytest.approx(patches * 0.1495**2, rel=0.03)


def _deep(outline):
    return np.c_[outline, np.zeros(len(outline))]


def test_a_drawn_slide_holds_the_tissue_its_patches_need():
    recipe = size_for(SlideRecipe(seed=2, form="needle"), 20)
    assert build_scene(recipe).tissue_mm2 == pytest.approx(20 * 0.1495**2, rel=0.05)
    biopsy = size_for(SlideRecipe(seed=2, form=SIZES["biopsy"].form), SIZES["biopsy"].patches)
    assert len(tissue_outlines(biopsy)) == 3


@pytest.mark.parametrize(
    "wrong",
    [{"lesions": "many"}, {"form": "cube"}, {"stains": ("PAS",)}, {"slides": 0}, {"patches": 1}, {"sites": ()},
     {"runs_per_site": -1}],
)  # fmt: skip
def test_a_cohort_that_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(LabError):
        CohortPlan(**{"slides": 4, **wrong})
