"""`mmdnet evaluate`: the figures on the terminal and in files; what cannot be judged is a sentence before anything runs."""

import json

import pytest

from db.models import Job
from mmdnet.commands import evaluate
from mmdnet.evaluation.result import read_evaluation
from mmdnet.workflows.job_kinds import run_job
from tests.mmdnet.workflows.evaluation.conftest import graded, graded_home  # noqa: F401
from tests.small_lab import JobInProcess


@pytest.fixture
def of_graded(run, graded, monkeypatch):  # noqa: F811
    """Run a command on the home with graded slides."""
    monkeypatch.setenv("MMDNET_HOME", str(graded.lab.settings.home))
    return lambda *words: run("evaluate", "--project", "Graded", "--model", str(graded.model), *words)


@pytest.fixture
def at_once(monkeypatch, tmp_path):
    """Does the queued job in this process: starting a worker takes longer than all else of it."""

    def do(lab, job_id, *_, **__):
        with lab.db() as session:
            row = session.get(Job, job_id)
        run_job(row.kind, row.spec, JobInProcess(lab.settings, tmp_path / "job", job_id))

    monkeypatch.setattr(evaluate, "follow", do)


def test_a_model_is_judged_the_tables_are_written_and_machines_get_the_record(of_graded, at_once, tmp_path):
    code, out, err = of_graded("--preset", "table4", "--out", str(tmp_path / "t4.tex"))
    assert code == 0, err
    assert "Table 4 of the MMD-Net paper" in out and "Worst site" in out and "Research use only" in out
    assert r"\begin{tabular}" in (tmp_path / "t4.tex").read_text("utf-8")
    code, out, _ = of_graded("--json")
    assert code == 0 and read_evaluation(out).slides == 4


def test_a_check_says_what_would_count_and_runs_nothing(of_graded, graded):  # noqa: F811
    code, out, _ = of_graded("--check")
    assert code == 0 and out.startswith("4 slides would be judged")
    assert not graded.lab.jobs.list(graded.project)
    assert json.loads(of_graded("--check", "--json")[1])["judged"] == graded.slides


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--out", "x.doc"), ".csv, .md, .tex, .json, not as .doc"),
        (("--out", "/no/such/folder/x.md"), "is not there"),
        (("--preset", "table9"), "no preset called 'table9'"),
        (("--rule", "guess"), "no aggregation rule called 'guess'"),
        (("--folds", "3"), "--model and --check are for judging a model that is there"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_runs(of_graded, graded, words, says):  # noqa: F811
    code, _, err = of_graded(*words)
    assert code == 1 and says in err and "Traceback" not in err
    assert not graded.lab.jobs.list(graded.project)


def test_a_project_without_truth_is_told_what_to_do(of_graded, run, graded):  # noqa: F811
    graded.lab.projects.create("Bare")
    code, _, err = run("evaluate", "--project", "Bare")
    assert code == 1 and "Grade slides" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--folds", "3", "--leave-out", "site"), "does not go with --leave-out"),
        (("--leave-out", "stain"), "site or staining_run, not stain"),
        (("--set", "head"), "write it as name=value"),
        (("--folds", "2"), "folds"),
        (("--folds", "9"), "9 folds cannot be made of 4 patients"),
    ],
)
def test_a_cross_validation_that_cannot_be_is_refused(run, of_graded, graded, words, says):  # noqa: F811
    code, _, err = run("evaluate", "--project", "Graded", *words)
    assert code == 1 and says in err and "Traceback" not in err
    assert not graded.lab.jobs.list(graded.project)
