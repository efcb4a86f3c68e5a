"""Figures: colours for every scale; whiskers only where there is an interval."""

from mmdnet.evaluation.scales import scales
from mmdnet.labels.agreement import Estimate
from ui.evaluate.figures import _whiskers, _words, colour_of


def test_every_scale_has_a_colour_of_its_own():
    assert len({colour_of(scale.name) for scale in scales()}) == len(scales())


def test_a_whisker_reaches_from_low_to_high_and_is_left_out_without_an_interval():
    drawn = _whiskers(Estimate(0.5, 0.2, 0.6, 9))
    assert (round(drawn["arrayminus"][0], 6), round(drawn["array"][0], 6)) == (0.3, 0.1)
    assert _whiskers(Estimate(0.5, None, None, 9)) is None and _words(Estimate(None, None, None, 0)) == "–"
