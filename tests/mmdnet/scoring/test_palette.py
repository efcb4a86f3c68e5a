import numpy as np
import pytest

from mmdnet.labels.grading import TASKS
from mmdnet.scoring.palette import GRADE_RAMPS, HEAT, HEAT_OPAQUE, heat_rgba, heat_stops, ink_on, rgb


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


def test_heat_is_one_colour_clear_at_the_low_end_and_not_beyond_its_scale():
    heat = heat_rgba(np.array([-1.0, 0.0, 0.5, 1.0, 7.0]))
    assert (heat[:, :3] == rgb(HEAT)).all()
    top = round(255 * HEAT_OPAQUE)
    assert heat[:, 3].tolist() == [0, 0, round(top / 2), top, top]
    assert [stop.rsplit(",", 1)[1] for stop in heat_stops()] == [" 0)", f" {HEAT_OPAQUE})"]


@pytest.mark.parametrize("tissue", ["#e8b7cf", "#7a4a8c", "#b03a5b", "#3f4f9a", "#8a5a2b", "#f4f4f4"])
def test_heat_stands_apart_from_stains_and_lets_them_through(tissue):
    """Eosin, haematoxylin, fuchsin, aniline blue, DAB and glass (as drawn on screens)."""
    ground = np.array(rgb(tissue), float)
    full = ground * (1 - HEAT_OPAQUE) + np.array(rgb(HEAT)) * HEAT_OPAQUE
    assert np.abs(full - ground).max() > 60, "seen"
    assert full[1] == full.max(), "green, as no stain is"
