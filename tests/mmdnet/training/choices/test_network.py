import pytest
from pydantic import ValidationError

from mmdnet.training.choices.network import NetworkChoices


def test_a_pooling_that_there_is_not_is_refused_with_those_there_are():
    for name in ("pooling", "place_pooling"):
        with pytest.raises(ValidationError, match="mean"):
            NetworkChoices(**{name: "median"})
    assert NetworkChoices(backbone="any name of timm").head == "corn"
