"""A check in a process of its own answers as one in this process does."""

import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.bags.splits import Split
from mmdnet.errors import LabError
from mmdnet.training.config import TrainingConfig
from mmdnet.workflows.training.preflight import check_training
from mmdnet.workflows.training.views import CheckView
from tests.nas import columns

SPLIT = Split((0, 1, 2), (3,))
CONFIG = TrainingConfig(backbone="small", device="cpu", epochs=2, domain_key="scanner")


def cohort(grade=lambda number: number % 3) -> Cohort:
    """Four slides of four patients and two scanners, three patches each."""
    slides = tuple(SlideInfo(10 + s, f"p{s}", "North", f"scanner {s % 2}", "H&E") for s in range(4))
    grades = columns(np.array([[grade(number)] * 3 for number in range(12)], np.int8))
    return Cohort(slides, np.arange(12) + 100, np.repeat(np.arange(4), 3), grades, np.arange(12) == 5)


def but_for_the_time(answer: CheckView) -> CheckView:
    """An answer without how long the training should take, which is measured anew each time."""
    assert answer.expected in answer.lines
    return replace(answer, lines=tuple(line for line in answer.lines if line != answer.expected), expected="")


@pytest.fixture
def without_torch(monkeypatch):
    """As in the app, which never loads it."""
    import mmdnet.training.check  # noqa: F401 - so that the answers compared with can be had in this process

    monkeypatch.delitem(sys.modules, "torch")


def test_a_process_of_its_own_answers_as_this_one_does(monkeypatch):
    import torch  # noqa: F401 - a process that has it checks in place

    here = check_training(cohort(), CONFIG, SPLIT)
    assert here.ok and any("Backbone small" in line for line in here.lines)
    monkeypatch.delitem(sys.modules, "torch")
    assert but_for_the_time(check_training(cohort(), CONFIG, SPLIT)) == but_for_the_time(here)


def test_what_cannot_start_is_an_answer_with_its_sentence():
    import torch  # noqa: F401

    checked = check_training(cohort(lambda number: 1), CONFIG, SPLIT)
    assert (checked.ok, checked.lines) == (False, ())
    assert "no task with two different grades" in checked.problem


def answered(said: str):
    return lambda *given, **more: SimpleNamespace(stdout=said)


def test_the_answer_is_the_last_line_whatever_was_printed_before_it(without_torch, monkeypatch):
    answer = {"ok": True, "lines": ["a"], "warnings": ["b"], "problem": None}
    monkeypatch.setattr(subprocess, "run", answered(f"a library says hello\n{json.dumps(answer)}\n"))
    assert check_training(cohort(), CONFIG, SPLIT) == CheckView(True, ("a",), ("b",), None)


@pytest.mark.parametrize("said", ["", "no answer"])
def test_a_process_that_gives_no_answer_is_told_in_a_sentence(without_torch, monkeypatch, said):
    monkeypatch.setattr(subprocess, "run", answered(said))
    with pytest.raises(LabError, match="did not come to an end"):
        check_training(cohort(), CONFIG, SPLIT)


def test_a_process_that_does_not_end_is_told_in_a_sentence(without_torch, monkeypatch):
    def wait(command, timeout, **more):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", wait)
    with pytest.raises(LabError, match="did not come to an end"):
        check_training(cohort(), CONFIG, SPLIT)
