"""`mmdnet search`: what may be searched, started, shown, written, and trained with; bad input is one sentence."""

import json
import shutil

import pytest

from db.searches import Search, keep_trial
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.training.config import TrainingConfig
from tests.mmdnet.experiments.search.test_trial import judged
from tests.search_lab import PROJECT
from tests.small_lab import SHORT_TRAINING

SET = [word for name, value in SHORT_TRAINING.items() for word in ("--set", f"{name}={value}")]


@pytest.fixture
def searched(five_home, tmp_path):
    """A lab in which a search has judged three settings."""
    home = shutil.copytree(five_home, tmp_path / "home")
    lab = open_lab(Settings(home=home))
    with lab.db.begin() as session:
        choices = TrainingConfig(**SHORT_TRAINING).model_dump(mode="json")
        plan = {"over": ["lr_heads"], "minutes": 5, "folds": 3}
        session.add(Search(project_id=PROJECT, plan=plan, choices=choices, label_set={}, spent_s=30))
        session.flush()
        tried = judged(0, 0.5, 0.5, 0.5), judged(1, 0.6, 0.7, 0.8), judged(2, 0.1, state="stopped")
        for trial in tried:
            keep_trial(session, 1, trial.number, trial.model_dump(mode="json"))
    return lab


def test_options_say_what_may_be_searched_and_where(run):
    code, out, _ = run("search", "options")
    assert code == 0 and "lr_heads *: Learning rate, heads. 0.0001 to 0.01, evenly in its logarithm" in out
    assert "bag_size" not in out and "alpha: Strength. 0 to 1 (where the backbone learns)" in out


def test_a_search_is_shown_written_and_trained_with(run, searched, tmp_path):
    code, out, _ = run("search", "show", "1", "--out", str(tmp_path / "s.csv"))
    assert code == 0 and "Trial 1 is the best so far: mean κ 0.700" in out and "so its own is too good" in out
    assert "mmdnet train --from-search 1" in out
    rows = (tmp_path / "s.csv").read_text().splitlines()
    assert rows[0].startswith("trial,state,fold,kappa") and len(rows) == 1 + 3 + 3 + 1
    assert json.loads(run("search", "list", "--json")[1])["searches"] == [{"search": 1, "trials": 3, "best": 1}]
    code, out, err = run("train", "--from-search", "1", "--set", "epochs=2", "--background", "--json")
    assert code == 0, err
    (training,) = searched.training.runs(PROJECT)
    assert (training.choices["lr_heads"], training.choices["epochs"]) == (0.0005, 2)


def test_a_search_is_queued_with_what_was_asked_for(run, searched):
    code, out, err = run("search", "start", *SET, "--over", "head", "--folds", "3", "--minutes", "2", "--background")
    assert code == 0 and "Search settings of small, 2 minutes: queued" in out, err
    newest = searched.searches.list(PROJECT)[0]
    assert (newest.plan.over, newest.plan.folds, newest.choices["bag_size"]) == (("head",), 3, 4)
    assert newest == searched.searches.get(newest.id) and newest.job.priority == "normal"
    code, out, err = run("search", "extend", "1", "--priority", "last", "--not-before", "23:59")
    extended = searched.searches.get(1)
    assert (code, extended.job.priority, len(extended.trials)) == (0, "last", 3), err
    assert extended.job.not_before is not None and searched.searches.list(PROJECT) == [newest, extended]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("start", "--over", "epochs"), "epochs is nothing a search may try"),
        (("start", "--minutes", "0"), "The search's minutes does not work"),
        (("start", "--set", "bag_size"), "bag_size is no choice"),
        (("show", "7"), "There is no search with the number 7 here."),
        (("show", "1", "--out", "s.pdf"), "A search is written as .csv, .md, .json"),
        (("extend", "1", "--minutes", "-3"), "Say how many minutes more"),
        (("extend", "1", "--priority", "urgent"), "no priority urgent"),
        (("start", "--not-before", "tonight"), "'tonight' is no time"),
    ],
)
def test_what_does_not_work_is_one_sentence(run, searched, words, said):
    code, _, err = run("search", *words)
    assert code == 1 and said in err and "Traceback" not in err


def test_a_trial_without_its_search_and_a_search_of_another_project_are_refused(run, searched):
    assert "name it with --from-search" in run("train", "--trial", "2")[2]
    other = searched.projects.create("Other").name
    assert "is of another project" in run("train", "-p", other, "--from-search", "1")[2]
