"""The check of a plan in a process of its own says what it says in place."""

import json
import subprocess
import sys

import pytest

from mmdnet.augment.choices import DiffusionChoices
from mmdnet.errors import LabError
from mmdnet.workflows.augmenting import preflight


@pytest.fixture
def apart(monkeypatch):
    """As in the application, which never loads the diffusion library."""
    monkeypatch.delitem(sys.modules, "diffusers", raising=False)


@pytest.mark.slow
def test_a_check_apart_says_the_calls(weights, apart, monkeypatch):
    said = []
    real = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: said.append(k["input"]) or real(*a, **k))
    assert preflight.calls_of(DiffusionChoices(weights=weights, steps=20), ["liver"]) == 4
    assert json.loads(said[0])["prompts"] == ["liver"]


def test_what_it_refuses_comes_back_as_a_sentence(weights, apart, monkeypatch):
    answer = subprocess.CompletedProcess([], 0, '{"calls": 0, "problem": "Too long. Nothing was started."}\n', "")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: answer)
    with pytest.raises(LabError, match="Too long"):
        preflight.calls_of(DiffusionChoices(weights=weights), ["liver"])


def test_a_check_that_dies_is_said(weights, apart, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess([], -9, "", ""))
    with pytest.raises(LabError, match="did not come to an end"):
        preflight.calls_of(DiffusionChoices(weights=weights), ["liver"])
