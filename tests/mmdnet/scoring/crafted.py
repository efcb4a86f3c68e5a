"""Slides written down by hand: what the network would have said, patch by patch and bag by bag."""

import numpy as np

from mmdnet.labels.grading import TASKS
from mmdnet.scoring.evidence import SlideEvidence, lay_out

PATCH_MM2 = 0.1495**2


def certain(grades: np.ndarray, classes: int) -> np.ndarray:
    """Probabilities that leave no doubt, shape (n, classes)."""
    return np.eye(classes)[np.asarray(grades)]


def slide(rows: int, cols: int, bag_size: int = 48, **grades: np.ndarray) -> SlideEvidence:
    """A full rectangle of tissue with these patch grades by task (0 everywhere if not given); bags take their maximum."""
    row, col = (axis.ravel() for axis in np.mgrid[:rows, :cols])
    layout = lay_out(row, col, bag_size)
    patch, bag, logits = {}, {}, {}
    for task in TASKS:
        own = np.asarray(grades.get(task.name, np.zeros(rows * cols, dtype=int)))
        patch[task.name] = certain(own, task.highest + 1)
        logits[task.name] = np.where(own[:, None] > np.arange(task.highest), 20.0, -20.0)  # of a head of steps
        highest = [own[layout.bag == number].max() for number in range(layout.bag.max() + 1)]
        bag[task.name] = certain(np.array(highest), task.highest + 1)
    attention = {task.name: np.ones(rows * cols) for task in TASKS}
    share = np.ones(rows * cols)
    return SlideEvidence(row, col, share, PATCH_MM2, layout.bag, layout.block, patch, bag, attention, logits)


def with_bag_grade(evidence: SlideEvidence, task: str, bag: int, grade: int) -> SlideEvidence:
    """The same slide with one bag graded otherwise."""
    from dataclasses import replace

    table = evidence.bag_probabilities[task].copy()
    table[bag] = np.eye(table.shape[1])[grade]
    return replace(evidence, bag_probabilities=evidence.bag_probabilities | {task: table})
