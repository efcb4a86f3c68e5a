"""What a new session would be, in words."""

import pytest

from mmdnet.workflows.labelling.views import SessionPreview
from ui.label.plans import patients_words, preview_words


@pytest.mark.parametrize(
    ("preview", "at_random", "words"),
    [
        (SessionPreview(0, 0, None, None), True, "No patches left for this plan"),
        (SessionPreview(30, 6, None, None), True, "**30 patches**, all drawn at random. How long that takes is told"),
        (SessionPreview(30, 6, 4.0, 2.0), False, "**30 patches**: 24 by the plan, 6 drawn at random. About **2 min"),
        (SessionPreview(1, 0, 4.0, 0.1), False, "**1 patch**: 1 by the plan, 0 drawn at random."),
    ],
)
def test_a_preview_says_how_many_why_and_how_long(preview, at_random, words):
    assert preview_words(preview, at_random).startswith(words)


def test_slides_without_a_patient_are_not_called_patients():
    assert patients_words([None, None]) == "Patients unknown: each of the slides is taken for one."
    assert patients_words(["P1", "P1", "P2"]) == "Slides of 2 patients."
    assert patients_words(["P1", None]).startswith("Slides of 1 patient, and 1 slide of unknown ones")
