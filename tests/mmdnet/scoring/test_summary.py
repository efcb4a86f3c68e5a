import json
import subprocess
import sys

import pytest

from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.scoring.summary import read_summary
from tests.mmdnet.reports.crafted import score, task


def test_a_summary_comes_back_from_the_json_it_is_kept_as():
    values = json.loads(json.dumps(score().to_json()))
    assert values["tasks"]["steatosis"]["line"] == 0.5  # the key it has in every row and file
    assert read_summary(values, "a") == score()


def test_a_model_that_grades_less_has_grades_of_less():
    assert score().grades == Grades(ballooning=1, inflammation=2, steatosis=2)
    assert score(tasks={"steatosis": task(3, 4)}).grades["ballooning"] is None


@pytest.mark.parametrize("values", [{}, {"patches": 3}, {"tasks": {"steatosis": {"grade": "x"}}}])
def test_what_is_no_summary_is_refused_by_the_slides_name(values):
    with pytest.raises(LabError, match=r"The score of N01\.svs"):
        read_summary(values, "N01.svs")


def test_reading_a_summary_loads_no_network():
    code = "import sys, mmdnet.scoring.summary; assert not {'torch', 'scipy', 'numpy'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
