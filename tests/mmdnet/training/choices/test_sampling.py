import pytest
from pydantic import ValidationError

from mmdnet.training.choices.sampling import SamplingChoices


@pytest.mark.parametrize("given", [{"bag_size": 3}, {"unsteered_fraction": 1.1}, {"natural_share": -0.1}])
def test_bags_that_cannot_be_drawn_are_refused(given):
    with pytest.raises(ValidationError):
        SamplingChoices(**given)
