"""Figures: colours for every scale; whiskers only where there is an interval."""

import tomllib

import pytest

from mmdnet.evaluation.scales import scales
from mmdnet.labels.agreement import Estimate
from mmdnet.scoring.palette import luminance
from mmdnet.settings import PROJECT_ROOT
from ui.evaluate.figures import NAS_COLOUR, OWN_COLOUR, REFERENCE, _whiskers, _words, colour_of


def test_every_scale_has_a_colour_of_its_own():
    assert len({colour_of(scale.name) for scale in scales()}) == len(scales())


def test_a_whisker_reaches_from_low_to_high_and_is_left_out_without_an_interval():
    drawn = _whiskers(Estimate(0.5, 0.2, 0.6, 9))
    assert (round(drawn["arrayminus"][0], 6), round(drawn["array"][0], 6)) == (0.3, 0.1)
    assert _whiskers(Estimate(0.5, None, None, 9)) is None and _words(Estimate(None, None, None, 0)) == "–"


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_marks_and_lines_stand_out_on_either_ground(ground):
    theme = tomllib.loads((PROJECT_ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"][ground]
    below = luminance(theme["backgroundColor"])
    for mark in (OWN_COLOUR, NAS_COLOUR, REFERENCE, *(colour_of(scale.name) for scale in scales())):
        lighter, darker = sorted((luminance(mark), below), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 3, f"{mark} (WCAG 1.4.11)"
