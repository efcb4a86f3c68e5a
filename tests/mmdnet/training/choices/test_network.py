import pytest
from pydantic import ValidationError

from mmdnet.training.choices.network import NetworkChoices


def test_a_pooling_that_there_is_not_is_refused_with_those_there_are():
    for name, known in (("pooling", "gated_attention"), ("place_pooling", "mean, highest")):
        with pytest.raises(ValidationError, match=f"Known are: {known}"):
            NetworkChoices(**{name: "median"})
    assert NetworkChoices(backbone="any name of timm").head == "corn"
