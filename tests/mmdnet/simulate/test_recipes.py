"""Recipes: what they refuse, and what the product's own sets hold."""

import hashlib
import json
from collections import defaultdict

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.simulate import SlideRecipe, demo_recipes, domain_recipes, training_recipes
from mmdnet.simulate.recipes import DRAWN_TASKS, HE
from mmdnet.simulate.scanning.write import description


@pytest.mark.parametrize(
    "wrong",
    [
        {"stain": "PAS"},
        {"form": "cube"},
        {"width_px": 10},
        {"mpp": 4.0},
        {"grades": {"steatosis": 4}},
        {"grades": {"colour": 1}},
        {"densities": {"colour": 1}},
        {"densities": {"steatosis": 1.1}},
        {"densities": {"inflammation": -1}},
        {"densities": {"inflammation": float("nan")}},
        {"densities": {"inflammation": 1}, "grades": {"inflammation": 1}},
    ],
)
def test_a_recipe_that_cannot_be_drawn_is_refused(wrong):
    with pytest.raises(LabError):
        SlideRecipe(seed=1, **wrong)


def test_older_sets_are_the_same_byte_for_byte():
    domain = domain_recipes(20, 1)
    older = [*demo_recipes(0), *demo_recipes(3), *training_recipes(64, 2), *domain.training, *domain.known_sites,
             *domain.new_site]  # fmt: skip
    told = json.dumps([[recipe.name, recipe.to_json(), description(recipe)] for recipe in older])
    digest = "2bd890d505108b984a0899afd15dc6294b2dd755845aba53c730d36d650b16c1"  # before there were densities
    assert hashlib.sha256(told.encode()).hexdigest() == digest


def test_a_density_decides_the_grade_and_leaves_the_other_tasks_as_the_seed_draws_them():
    usual, dense = SlideRecipe(seed=4), SlideRecipe(seed=4, densities={"inflammation": 2.1})
    assert dense.wanted_grades() == usual.wanted_grades() | {"inflammation": 2}


def test_a_site_of_any_name_makes_a_file_name_and_no_path():
    assert SlideRecipe(seed=1, site="../St. Mary's / East").name == "---st--mary-s---east_p01_he_1"


def test_the_demo_has_every_grade_in_two_patients_and_three_sites():
    recipes = demo_recipes()
    assert len(recipes) >= 12
    assert len({r.patient for r in recipes}) >= 6
    assert len({r.site for r in recipes}) == 3
    assert len({r.scanner for r in recipes if r.stain == HE}) == 2
    assert {r.stain == HE for r in recipes} == {True, False}
    for task in DRAWN_TASKS:
        patients = defaultdict(set)
        for recipe in recipes:
            patients[recipe.grades[task.name]].add(recipe.patient)
        assert set(patients) == set(range(task.highest + 1))
        assert min(len(of_grade) for of_grade in patients.values()) >= 2


def test_names_of_the_demo_and_training_slides_are_all_different():
    names = [r.name for r in [*demo_recipes(0), *demo_recipes(1), *training_recipes(40, 0), *training_recipes(40, 1)]]
    assert len(set(names)) == len(names)


def test_training_slides_share_no_patient_and_no_seed_with_the_demo():
    demo, training = demo_recipes(), training_recipes(30, seed=0)
    assert not {r.patient for r in demo} & {r.patient for r in training}
    assert not {r.seed for r in demo} & {r.seed for r in training}


def test_training_grades_are_balanced_and_one_patient_has_one_site_and_one_set_of_grades():
    recipes = training_recipes(48, seed=2)
    for task in DRAWN_TASKS:
        counts = np.bincount([r.grades[task.name] for r in recipes], minlength=task.highest + 1)
        assert counts.min() >= 0.8 * counts.mean()
    by_patient = defaultdict(set)
    for recipe in recipes:
        by_patient[recipe.patient].add((recipe.site, tuple(sorted(recipe.grades.items()))))
    assert all(len(kinds) == 1 for kinds in by_patient.values())


def test_the_stain_foretells_the_grade_in_confounded_training_and_nowhere_else():
    sets = domain_recipes(60, seed=1, tied=0.9)

    def correlation(recipes):
        return np.corrcoef([r.stain == HE for r in recipes], [r.grades["steatosis"] for r in recipes])[0, 1]

    assert correlation(sets.training) < -0.6
    assert abs(correlation(sets.known_sites)) < 0.35
    assert {r.site for r in sets.new_site}.isdisjoint(r.site for r in sets.training)
    patients = [{r.patient for r in group} for group in (sets.training, sets.known_sites, sets.new_site)]
    assert len(set().union(*patients)) == sum(map(len, patients))
