"""What was measured of a child, in words."""

from tests.pages.test_augment import VALUES
from ui.augment.batch import _values


def test_what_was_not_measured_is_left_out():
    said = _values(VALUES.model_copy(update={"stain_degrees": None}))
    assert "stain" not in said and "grade" not in said and said.startswith("structure 0.93 · SSIM 0.900")
    assert "grade ±0.30" in _values(VALUES.model_copy(update={"grade_change": 0.3}))
