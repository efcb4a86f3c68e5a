import json

import pytest
from typer.testing import CliRunner

from mmdnet.commands.experiment import experiment_app
from mmdnet.experiments import ablation as ours
from mmdnet.experiments.field.plan import read_plan
from mmdnet.labels.grading import TASKS


def run(*arguments):
    outcome = CliRunner().invoke(experiment_app, [str(given) for given in arguments])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


@pytest.mark.parametrize("command", ["bags", "ablation", "domain", "alpha"])
def test_known_prints_what_is_there_and_trains_nothing(command, tmp_path):
    known = json.loads(run(command, "--known", "--folder", tmp_path))
    assert known["setting"] and list(tmp_path.iterdir()) == []


def test_known_results_are_summed_up(tmp_path):
    path = tmp_path / "results" / ours.FULL_SIZE.name / "full-0.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"variant": "full", "seed": 0, "metrics": {"test": {"kappa_mean": 0.8}}}))
    assert json.loads(run("bags", "--known", "--folder", tmp_path))["test"]["full"]["mean"] == {"mean": 0.8, "n": 1}


def test_the_papers_networks_are_kept_apart_from_ours_of_the_same_name(tmp_path):
    for table, kappa in ((None, 0.8), (2, 0.6)):
        path = tmp_path / "results" / ours.Setting(graded=24, table=table).name / "full-0.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"variant": "full", "seed": 0, "metrics": {"test": {"kappa_mean": kappa}}}))
    said = json.loads(run("ablation", "--paper", "--known", "--folder", tmp_path, "--out", tmp_path / "table.md"))
    assert said["setting"].endswith("-table2")
    table = (tmp_path / "table.md").read_text()
    assert f"three tasks \\(MMD-Net\\) |{' – |' * len(TASKS)} 0.60 | – |" in table
    assert "four tasks" not in table
    smaller = json.loads(run("ablation", "--paper", "--known", "--folder", tmp_path, "--slides", 10, "--epochs", 1))
    assert smaller["setting"] == "10x2-150px-5+1-24graded-table2" and smaller["test"] == {}
    assert said["test"]["full"]["mean"]["mean"] == 0.6


def test_alpha_is_chosen_on_validation_patients(tmp_path):
    path = tmp_path / "results" / ours.FEW_GRADES.name / "alpha-0.1-0.json"
    path.parent.mkdir(parents=True)
    metrics = {"validation": {"kappa_mean": 0.7}, "test": {"kappa_mean": 0.2}}
    path.write_text(json.dumps({"variant": "alpha-0.1", "seed": 0, "metrics": metrics}))
    said = json.loads(run("alpha", "--known", "--folder", tmp_path))
    assert said["validation"] == {"alpha-0.1": {"mean": {"mean": 0.7, "n": 1}}}
    assert "test" not in said


@pytest.mark.parametrize(("command", "choices"), [
    ("ablation", {"methods": ("da-mil", "mtl-mil", "mmd-net", "mmd-net-four"), "seeds": [0, 1, 2]}),
    ("alpha", {"alphas": (0.0, 1e-3, 1e-2, 0.1, 0.3, 1.0), "judged": "validation", "seeds": [0, 1, 2]}),
])  # fmt: skip
def test_of_a_project_the_same_is_asked_of_its_labels(command, choices, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("mmdnet.commands.experiment.of_project", lambda *given: asked.append(given))
    run(command, "--project", "Mine", "--seeds", 3, "--backbone", "small")
    assert asked == [("Mine", choices, "small", None, False, None, False)]
    assert read_plan(dict(choices)).folds is None


def test_every_experiment_has_a_line_of_help():
    said = run("--help")
    for command in (
        "bags",
        "ablation",
        "domain",
        "attention",
        "errors",
        "learn-cpu",
        "labels",
        "field",
        "alpha",
        "backbones",
        "slides",
    ):
        assert command in said
