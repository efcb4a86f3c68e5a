from mmdnet.experiments.calibration_plans import PLANS, TEST_PER_PATIENT
from mmdnet.simulate.cohorts import cohort_recipes


def test_no_patient_and_no_slide_is_in_two_cohorts():
    recipes = {name: cohort_recipes(plan) for name, plan in PLANS.items()}
    patients = [{recipe.patient for recipe in drawn} for drawn in recipes.values()]
    names = [recipe.name for drawn in recipes.values() for recipe in drawn]
    assert sum(map(len, patients)) == len(set.union(*patients))
    assert len(names) == len(set(names))
    assert len(recipes["test"]) == TEST_PER_PATIENT * len({recipe.patient for recipe in recipes["test"]})
