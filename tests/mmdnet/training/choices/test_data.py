import pytest
from pydantic import ValidationError

from mmdnet.training.choices.data import DataChoices


@pytest.mark.parametrize("given", [{"folds": 2}, {"slide_trust": 0}, {"ungraded_patches": 3}, {"learn_from": "guess"}])
def test_what_cannot_be_learnt_from_is_refused(given):
    with pytest.raises(ValidationError):
        DataChoices(**given)
    assert DataChoices().split_by == "patient"
