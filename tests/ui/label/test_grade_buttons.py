"""Every grade has a button with its words and colours, in the order in which tasks are graded."""

import re

from mmdnet.labels.grading import SHOWN_TASKS
from ui.label.grade_buttons import task_buttons


def test_every_task_and_grade_has_its_button_in_order():
    tasks = task_buttons()
    assert [task.name for task in tasks] == [task.name for task in SHOWN_TASKS]
    for buttons, task in zip(tasks, SHOWN_TASKS, strict=True):
        assert [button.value for button in buttons.grades] == list(range(task.highest + 1))
        assert [button.patch for button in buttons.grades] == [grade.patch for grade in task.grades]


def test_the_large_digits_on_a_button_can_be_read():
    def light(colour):
        channels = [int(part, 16) / 255 for part in re.findall("..", colour.removeprefix("#"))]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for task in task_buttons():
        for button in task.grades:
            low, high = sorted((light(button.fill), light(button.ink)))
            assert (high + 0.05) / (low + 0.05) >= 3, (task.name, button.value)
