import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mmdnet.errors import LabError
from mmdnet.scoring.result import ScoreArrays, SlideScore, read_tensors
from tests.mmdnet.reports.crafted import arrays, score


def test_a_saved_score_comes_back_the_same(tmp_path):
    saved = SlideScore(score(), arrays())
    saved.save(tmp_path / "scores" / "1.safetensors")
    back = SlideScore.load(tmp_path / "scores" / "1.safetensors")
    assert back.summary == saved.summary
    assert set(back.arrays.tensors()) == set(saved.arrays.tensors())
    for name, tensor in saved.arrays.tensors().items():
        np.testing.assert_array_equal(back.arrays.tensors()[name], tensor)
    assert [file.name for file in (tmp_path / "scores").iterdir()] == ["1.safetensors"]


def test_a_file_keeps_the_names_it_always_had(tmp_path):
    SlideScore(score(), arrays()).save(tmp_path / "1.safetensors")
    tensors = load_file(tmp_path / "1.safetensors")
    tasks = ("ballooning", "inflammation", "steatosis")
    per_task = {f"{kind}.{task}" for kind in ("attention", "patches", "bags") for task in tasks}
    assert set(tensors) == {"assessed", "p_ignore", "bag", "row", "col"} | per_task
    assert tensors["assessed"].dtype == np.uint8


def test_only_what_is_asked_for_is_read(tmp_path):
    SlideScore(score(), arrays()).save(tmp_path / "1.safetensors")
    tensors, summary = read_tensors(tmp_path / "1.safetensors", {"row", "patches.steatosis", "no such"})
    assert set(tensors) == {"row", "patches.steatosis"}
    assert summary["tasks"]["steatosis"]["line"] == 0.5


def test_a_damaged_or_missing_score_file_is_told_in_words(tmp_path):
    with pytest.raises(LabError, match="is gone"):
        SlideScore.load(tmp_path / "no.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"not a score")
    with pytest.raises(LabError, match="damaged"):
        SlideScore.load(tmp_path / "bad.safetensors")
    part = {"assessed": np.ones(3, np.uint8)}
    save_file(part, tmp_path / "part.safetensors", {"summary": json.dumps(score().to_json())})
    with pytest.raises(LabError, match="p_ignore"):
        SlideScore.load(tmp_path / "part.safetensors")


def test_an_array_that_is_missing_is_named():
    with pytest.raises(KeyError, match="assessed"):
        ScoreArrays.of_tensors({})
