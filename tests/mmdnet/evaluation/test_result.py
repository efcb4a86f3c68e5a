"""An evaluation outlives the program as JSON, and damaged JSON is a sentence."""

import pytest

from mmdnet.errors import LabError
from mmdnet.evaluation.evaluate import evaluate
from mmdnet.evaluation.result import read_evaluation
from tests.mmdnet.evaluation.crafted import case


def test_json_comes_back_as_it_was_and_nothing_else_is_taken():
    judged = evaluate([case(1, (1, 1, 1), (1, 2, 1), visit="1", site="=N")], "M", resamples=10)
    text = judged.model_dump_json()
    assert read_evaluation(text) == judged
    for broken in ("", "{}", text[:-9], text.replace('"subject"', '"sub"')):
        with pytest.raises(LabError, match="damaged or of another version"):
            read_evaluation(broken)
