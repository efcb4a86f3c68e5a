from mmdnet.augment.prompts import FEATURES, prompt_for
from mmdnet.labels.grading import TASKS


def test_every_grade_of_every_task_has_words():
    assert {task.name: len(task.grades) for task in TASKS} == {name: len(words) for name, words in FEATURES.items()}


def test_the_task_comes_first_and_unknown_grades_are_left_out():
    said = prompt_for("steatosis", {"ballooning": 1, "steatosis": 2, "inflammation": None}, "H&E")
    assert said.startswith("microscope image of liver tissue, H&E, many round white fat droplets, a few enlarged")
    assert "lymphocytes" not in said
    assert "stained section" in prompt_for("steatosis", {}, " ")
