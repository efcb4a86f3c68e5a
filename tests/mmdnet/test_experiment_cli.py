import json

import pytest
from typer.testing import CliRunner

from mmdnet.experiment_cli import experiment_app
from mmdnet.experiments import ablation as ours


def run(*arguments):
    outcome = CliRunner().invoke(experiment_app, [str(given) for given in arguments])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


@pytest.mark.parametrize("command", ["bags", "ablation", "domain"])
def test_known_prints_what_is_there_and_trains_nothing(command, tmp_path):
    known = json.loads(run(command, "--known", "--folder", tmp_path))
    assert known["setting"] and list(tmp_path.iterdir()) == []


def test_known_results_are_summed_up(tmp_path):
    path = tmp_path / "results" / ours.FULL_SIZE.name / "full-0.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"variant": "full", "seed": 0, "metrics": {"test": {"kappa_mean": 0.8}}}))
    assert json.loads(run("bags", "--known", "--folder", tmp_path))["test"]["full"]["mean"] == {"mean": 0.8, "n": 1}


def test_every_experiment_has_a_line_of_help():
    said = run("--help")
    for command in ("bags", "ablation", "domain", "attention", "errors", "learn-cpu", "labels", "field"):
        assert command in said
