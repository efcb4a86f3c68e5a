import numpy as np
import pytest

from mmdnet.labels.grading import TASKS
from mmdnet.scoring.palette import GRADE_RAMPS, HEAT_STOPS, heat_rgb, ink_on, rgb


def luminance(colour: str) -> float:
    """WCAG 2 relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb(colour))]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_ramp_has_a_colour_for_each_grade_and_darkens_with_it(task):
    ramp = GRADE_RAMPS[task.name]
    assert len(ramp) == len(task.grades)
    assert (np.diff([luminance(colour) for colour in ramp]) < 0).all()


@pytest.mark.parametrize("colour", [colour for ramp in GRADE_RAMPS.values() for colour in ramp])
def test_the_ink_on_a_grade_is_the_more_readable_one(colour):
    def contrast(ink: str) -> float:
        light, dark = sorted((luminance(colour), luminance(ink)), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    other = {"#ffffff": "#1d2124", "#1d2124": "#ffffff"}[ink_on(colour)]
    assert contrast(ink_on(colour)) >= contrast(other) - 0.3
    assert contrast(ink_on(colour)) >= 3  # WCAG: large or bold text


def test_heat_runs_from_the_first_stop_to_the_last_and_not_beyond():
    ends = heat_rgb(np.array([-1.0, 0.0, 1.0, 7.0]))
    assert ends.tolist() == [list(rgb(HEAT_STOPS[0]))] * 2 + [list(rgb(HEAT_STOPS[-1]))] * 2
    assert heat_rgb(np.linspace(0, 1, len(HEAT_STOPS))).tolist() == [list(rgb(stop)) for stop in HEAT_STOPS]
