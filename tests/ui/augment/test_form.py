"""The form begins with what the choices themselves begin with."""

from mmdnet.augment.choices import DiffusionChoices
from ui.augment.form import SIDES, USUAL


def test_every_choice_has_its_usual_value_and_every_side_on_offer_is_taken():
    assert USUAL["strength"] == 0.2 and USUAL["guidance"] == 2.0
    for side in SIDES:
        assert DiffusionChoices(weights="w", side_px=side).side_px == side
