import pytest
from pydantic import ValidationError

from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.job_specs import IngestSpec, ScoreSpec, TrainSpec


def test_a_spec_is_read_back_from_the_json_of_its_row():
    spec = IngestSpec(project_id=1, path="/slides/a.svs", facts=StatedFacts(mpp=0.25, stain="H&E"))
    assert IngestSpec.model_validate(spec.model_dump(mode="json")) == spec
    score = ScoreSpec(slide_ids=(1, 2), model_id=3)
    assert score.model_dump(mode="json") == {
        "slide_ids": [1, 2],
        "model_id": 3,
        "run_id": None,
        "rule": "auto",
    }
    assert ScoreSpec.model_validate_json(score.model_dump_json()) == score


def test_a_misspelt_field_is_refused():
    with pytest.raises(ValidationError):
        TrainSpec.model_validate({"run": 1})
