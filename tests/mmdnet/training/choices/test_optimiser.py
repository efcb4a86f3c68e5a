import pytest
from pydantic import ValidationError

from mmdnet.training.choices.optimiser import HardwareChoices, OptimiserChoices


@pytest.mark.parametrize(
    ("choices", "given"),
    [(OptimiserChoices, {"lr_heads": 0}), (OptimiserChoices, {"ema": 1}), (HardwareChoices, {"device": "tpu"})],
)
def test_steps_that_cannot_be_made_are_refused(choices, given):
    with pytest.raises(ValidationError):
        choices(**given)
