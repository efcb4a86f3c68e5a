import pytest
from pydantic import ValidationError

from mmdnet.labels.efficiency_result import FILE, EfficiencyResult
from mmdnet.settings import DEMO_MODEL


@pytest.fixture
def shipped():
    return EfficiencyResult.model_validate_json((DEMO_MODEL / FILE).read_bytes())


def with_shares(result: EfficiencyResult, **shares: float | None) -> EfficiencyResult:
    """The result with these shares of 400 random labels needed."""
    changed = result.model_dump()
    for plan in changed["plans"]:
        changed["plans"][plan]["share_needed"]["400"] = dict.fromkeys(("value", "low", "high"), shares.get(plan))
    return EfficiencyResult.model_validate(changed)


def test_the_result_that_comes_with_the_demo_model_is_read_whole(shipped):
    assert (shipped.slides, shipped.patients, shipped.seeds) == (60, 30, 5)
    assert all(len(of_plan.kappa.mean) == len(shipped.labels) for of_plan in shipped.plans.values())


def test_the_best_plan_is_the_one_that_chooses_and_needs_the_fewest_labels(shipped):
    plan, needed = with_shares(shipped, random=0.1, quota=0.1, uncertain=0.6, rare=0.5, stratified=None).best_active(
        400
    )
    assert (plan, needed.value) == ("rare", 0.5)
    assert with_shares(shipped, random=0.1).best_active(400) is None
    assert shipped.best_active(12345) is None


def test_a_field_nobody_knows_is_refused(shipped):
    with pytest.raises(ValidationError):
        EfficiencyResult.model_validate(shipped.model_dump() | {"kapa": 1})
