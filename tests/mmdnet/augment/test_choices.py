import pytest

from mmdnet.augment.choices import read_choices
from mmdnet.errors import LabError


@pytest.mark.parametrize(
    "wrong",
    [{"strength": 0}, {"strength": 2}, {"guidance": 0.5}, {"side_px": 100}, {"speed": 1}, {"task": "fibrosis"},
     {"least_grade": 3}, {"children": 0}, {"dtype": "int8"}],
)  # fmt: skip
def test_a_choice_that_does_not_work_is_named(wrong):
    with pytest.raises(LabError, match=rf"{next(iter(wrong))}|no grade 3"):
        read_choices({"weights": "sd"} | wrong)


def test_usual_settings_are_gentle_and_one_dtype_follows_from_the_device():
    choices = read_choices({"weights": "sd"})
    assert (choices.strength, choices.guidance, choices.negatives) == (0.2, 2.0, True)
    assert choices.dtype_on("cpu") == "float32" and choices.dtype_on("cuda:0") == "bfloat16"
    assert read_choices({"weights": "sd", "dtype": "float16"}).dtype_on("cpu") == "float16"
