import pytest
from pydantic import ValidationError

from mmdnet.training.choices.loss import DomainChoices, LossChoices


@pytest.mark.parametrize(
    ("choices", "given"),
    [(LossChoices, {"class_weight_cap": 0.5}), (LossChoices, {"ignore_weight": -1}), (DomainChoices, {"alpha": 2})],
)
def test_weights_that_make_no_loss_are_refused(choices, given):
    with pytest.raises(ValidationError):
        choices(**given)
