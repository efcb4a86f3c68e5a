from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from mmdnet.labels.light_estimate import Judged, LightEstimate
from mmdnet.workflows.scoring.light_predictions import LightVersion
from mmdnet.workflows.training.learning import LearningState
from ui.label.learns import learning_words


def version(**estimate):
    return LightVersion(1, 3, 52, "efficientnet-lite0", LightEstimate(**estimate), datetime.now(UTC), "a" * 64)


def test_before_the_first_version_it_says_how_many_labels_are_missing():
    assert learning_words(LearningState(12, None, None)).endswith("begins after 18 more labels")
    failed = SimpleNamespace(active=False, failure="No room.")
    assert learning_words(LearningState(40, None, failed)).endswith("No room.")


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (Judged(value=0.03, low=0.01, high=0.05), "20 more are expected to add 0.03 (0.01 to 0.05)"),
        (Judged(value=0.03, low=-0.01, high=0.05), "more would help cannot be said yet"),
        (Judged(value=0.03), "more would help cannot be said yet"),
    ],
)
def test_kappa_stands_with_its_interval_and_a_gain_only_where_it_is_none_of_chance(gain, said):
    words = learning_words(
        LearningState(60, version(kappa={"steatosis": Judged(value=0.8, low=0.6, high=0.9)}, gain=gain), None)
    )
    assert "light model 3 from 52 labels, just now" in words and "steatosis κ 0.80 (95 %: 0.60 to 0.90)" in words
    assert said in words


def test_with_one_patient_it_says_what_is_missing():
    assert "needs labels of two patients" in learning_words(LearningState(60, version(), None))


def test_while_the_first_is_made_it_says_of_what_and_for_how_long_whatever_step_the_job_is_at():
    begun = datetime.now(UTC) - timedelta(seconds=40)
    job = SimpleNamespace(
        active=True, status="running", message="looking up", eta_s=None, started_at=begun, share_done=0.1
    )
    assert learning_words(LearningState(40, None, job)).endswith("learning from 40 labels so far · 40 s so far")
    assert learning_words(LearningState(60, version(), None), short=True).endswith("from 52 labels, just now")
