import json

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.experiments import label_efficiency as ours
from mmdnet.labels.efficiency_result import EfficiencyResult
from mmdnet.labels.label_efficiency import Pool, replayed_plans


@pytest.fixture(scope="module")
def pool():
    """Grades that two features tell, of twelve slides of six patients."""
    random = np.random.default_rng(0)
    grades = np.stack([random.integers(0, top, 240) for top in (3, 4, 4)], axis=1)
    features = np.c_[grades + random.normal(0, 0.4, grades.shape), random.normal(0, 1, (240, 2))]
    slide = np.repeat(np.arange(12), 20)
    return Pool(features, grades, random.random(240) < 0.05, slide, slide // 2)


@pytest.mark.slow
def test_every_plan_is_replayed_and_kept_as_it_was_measured(pool, tmp_path, monkeypatch):
    monkeypatch.setattr("mmdnet.labels.label_efficiency.STEPS", (24, 72))
    monkeypatch.setattr("mmdnet.labels.label_efficiency.RESAMPLES", 50)
    told = []
    result = ours.measure(pool, 2, lambda share, message: told.append(share))
    assert set(result.plans) == set(replayed_plans())
    assert (result.slides, result.patients, result.patches, result.seeds) == (12, 6, 240, 2)
    assert told == sorted(told) and len(told) == 2 * len(replayed_plans())
    for of_plan in result.plans.values():
        assert len(of_plan.kappa.mean) == len(result.labels)
        assert all(
            low <= mean <= high
            for low, mean, high in zip(*(getattr(of_plan.kappa, end) for end in ("low", "mean", "high")), strict=True)
        )
    path = ours.write(tmp_path / "experiments", result)
    assert EfficiencyResult.model_validate_json(path.read_text()) == result
    assert list(json.loads(path.read_text()))[:3] == ["format", "simulated", "slides"]


def test_one_seed_has_no_interval_and_few_slides_no_patients_to_hold_out(pool, tmp_path):
    with pytest.raises(LabError, match="two seeds"):
        ours.measure(pool, 1)
    with pytest.raises(LabError, match="twelve slides"):
        ours.make_pool(tmp_path, slides=11)
