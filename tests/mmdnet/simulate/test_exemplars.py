import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.simulate import exemplars
from mmdnet.simulate.exemplars import drawn_exemplar


@pytest.mark.parametrize(("task", "grade"), [("steatosis", 2), ("inflammation", 2), ("ballooning", 1)])
def test_a_drawn_exemplar_shows_its_grade_and_nothing_else_and_is_the_same_again(task, grade, monkeypatch):
    shown, judge = [], exemplars._shows

    def kept(truth, x_px0, y_px0, wanted):
        shown.append((truth, x_px0, y_px0))
        return judge(truth, x_px0, y_px0, wanted)

    monkeypatch.setattr(exemplars, "_shows", kept)
    picture = drawn_exemplar(task, grade, 1)
    assert picture.shape == (299, 299, 3) and picture.dtype == np.uint8
    truth, x_px0, y_px0 = shown[-1]
    seen = truth.patch_grades(x_px0, y_px0, 299)
    assert {name: seen[name] for name in ("ballooning", "inflammation", "steatosis")} == {
        "ballooning": 0, "inflammation": 0, "steatosis": 0, task: grade,
    }  # fmt: skip
    assert truth.shares(x_px0, y_px0, 299)["portal"] <= 0.05
    if task == "ballooning":
        np.testing.assert_array_equal(picture, drawn_exemplar(task, grade, 1))


@pytest.mark.parametrize(
    "asked", [("fibrosis", 1, 0), ("ballooning", 3, 0), ("steatosis", -1, 0), ("steatosis", 1, -1)]
)
def test_what_the_simulator_does_not_draw_is_said(asked):
    with pytest.raises(LabError, match="no drawn exemplar"):
        drawn_exemplar(*asked)
