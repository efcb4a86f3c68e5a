"""`mmdnet experiment field`: its refusals, and a table of a result."""

import json

import pytest
from typer.testing import CliRunner

from mmdnet.commands.experiment import experiment_app
from mmdnet.errors import LabError
from mmdnet.experiments.field import data as field_data
from tests.mmdnet.experiments.field.made import FEW, made_data

SMALL = ["--set", "epochs=2", "--set", "bag_size=6", "--set", "projection=16", "--set", "hidden=8"]


def run(*arguments, command="field"):
    outcome = CliRunner().invoke(experiment_app, [command, *(str(given) for given in arguments)])
    if outcome.exception and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    return outcome.output


@pytest.fixture
def numbers(monkeypatch):
    """Made features in place of drawn slides: drawing them takes minutes."""
    monkeypatch.setattr(field_data, "simulated_data", lambda *_, **__: made_data())
    monkeypatch.setattr(field_data, "extractor_of", lambda *_: None)


def test_it_prints_tables_and_writes_a_file_and_as_json_the_result(numbers, tmp_path):
    asked = [part for name in FEW for part in ("-m", name)]
    said = run(*asked, *SMALL, "--folder", tmp_path, "--out", tmp_path / "field.md")
    assert "Quadratic κ on test bags" in said
    assert "Simulated tissue only." in said
    assert "CLAM" not in said
    assert "# Methods compared" in (tmp_path / "field.md").read_text()
    known = json.loads(run(*asked, *SMALL, "--folder", tmp_path, "--json"))
    assert len(known["cells"]) == len(FEW)
    ungrouped = run("-m", "mean", *SMALL, "--folder", tmp_path, "--ungrouped")
    assert "These figures are too high" in ungrouped


def test_backbones_and_slides_have_tables_of_their_own(numbers, tmp_path):
    small = [*SMALL, "--folds", "3", "--folder", tmp_path]
    said = run("-m", "mean", *small, "-b", "small", "-b", "VGG16", "--out", tmp_path / "b.tex", command="backbones")
    assert "VGG16" in said
    assert "Backbones compared" in (tmp_path / "b.tex").read_text()
    said = run("-m", "mean", *small, command="slides")
    assert "Quadratic κ on test slides" in said


def test_a_backbones_file_that_is_not_there_is_refused(numbers, tmp_path):
    with pytest.raises(LabError, match="There is no file nowhere"):
        run("-b", "small=nowhere.safetensors", command="backbones")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-m", "mill"], 'no method called "mill"'),
        (["--set", "epochs"], "write it as name=value"),
        (["--set", "epochs=none"], "epochs"),
        (["--ungrouped", "--folds", "5"], "folds are parts of the patients"),
        (["--out", "table.docx"], "A comparison is written as"),
        (["--out", "nowhere/table.md"], "is not there"),
        (["--background"], "name it by --project"),
    ],
)
def test_what_does_not_work_is_refused_before_anything_is_drawn(arguments, said, tmp_path):
    with pytest.raises(LabError, match=said):
        run(*arguments, "--folder", tmp_path)
    assert list(tmp_path.iterdir()) == []
