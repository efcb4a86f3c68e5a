import pytest

from mmdnet.reports.build import build_report
from mmdnet.slides.set_aside import REASONS, set_aside_reason
from mmdnet.workflows.slides.views import PatchView
from tests.mmdnet.reports.crafted import inputs
from ui.shell import words


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_has_the_same_words_on_a_page_and_in_a_report(reason):
    patch = PatchView(1, 1, 0, 0, 0, 0, 299, 299, 1.0, None, {}, reason, False)
    report = build_report(inputs(set_aside={reason: 1}))
    assert set(report.quality.set_aside) == {words.why_set_aside(patch)} == {set_aside_reason(reason)}


def test_a_reason_without_words_is_said_as_it_is_and_none_is_nothing():
    assert (set_aside_reason("smoke"), set_aside_reason(None)) == ("smoke", "")
