"""The command line refuses in one sentence, and speaks JSON to machines."""

import json
import sys

import pytest


def test_the_commands_are_those_that_were_promised(run):
    code, out, _ = run("--help")
    assert code == 0
    for name in ("doctor", "simulate", "ingest", "labels", "train", "score", "report", "worker", "demo"):
        assert f" {name} " in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ingest", "/no/such/file.svs"), "not there"),
        (("score", "--project", "Nobody"), "no project called Nobody"),
        (("report", "x.svs", "--out", "r.html", "--project", "Nobody"), "no project called Nobody"),
        (("labels", "import", "/no/such.csv", "--project", "Nobody"), "not there|no project"),
    ],
)
def test_what_is_not_there_is_named(run, words, says):
    import re

    code, out, err = run(*words)
    assert code == 1 and re.search(says, err) and "Traceback" not in out + err


def test_a_misspelt_setting_is_refused(run, monkeypatch):
    monkeypatch.setenv("MMDNET_CACH_GIB", "3")
    code, _, err = run("labels")
    assert code == 1 and "MMDNET_CACH_GIB" in err


def test_a_home_that_cannot_be_made_is_named(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run("labels", "--home", str(tmp_path / "file" / "home"))
    assert code == 1 and "Traceback" not in err and "--home" in err


def test_a_worker_says_in_one_line_of_json_that_it_is_ready(tmp_path):
    import subprocess

    words = ["worker", "--slot", "one", "--queues", "cpu", "--home", str(tmp_path / "home"), "--json"]
    with subprocess.Popen([sys.executable, "-m", "mmdnet", *words], stdout=subprocess.PIPE) as worker:
        line = worker.stdout.readline()
        worker.kill()
        rest = worker.stdout.read()
    assert json.loads(line) == {"ready": True, "slot": "one", "queues": ["cpu"], "pid": worker.pid} and rest == b""


@pytest.mark.parametrize("name", ["MMDNET_DATABASE_URL", "MMDNET_JOBS_URL"])
@pytest.mark.parametrize("url", ["foo://bar", "postgresql://u:secret@127.0.0.1:1/x"])
def test_a_database_that_is_none_of_ours_or_away_is_one_sentence(run, monkeypatch, name, url):
    monkeypatch.setenv(name, url)
    code, out, err = run("labels")
    assert code == 1 and len(err.splitlines()) == 1 and "secret" not in out + err
    assert "Nothing was changed" in err or "cannot be reached" in err


def test_a_place_that_cannot_be_written_is_one_sentence_from_every_command(run, tmp_path):
    from mmdnet.lab import open_lab
    from mmdnet.settings import load_settings

    open_lab(load_settings()).projects.create("My lab")
    (tmp_path / "file").write_text("kept")
    for ending, words in (
        (".csv", ("labels", "export")),
        (".csv", ("slides", "facts", "export")),
        (".json", ("report", "x.svs", "-o")),
        (".csv", ("reports", "-o")),
        (".png", ("experiment", "errors")),
        (".png", ("experiment", "attention", "--picture")),
    ):
        folder = tmp_path / f"folder{ending}"
        folder.mkdir(exist_ok=True)
        code, _, err = run(*words, str(folder))
        assert code == 1 and "is a folder; name a file" in err and len(err.splitlines()) == 1, (words, err)
    code, _, err = run("labels", "export", "/proc/labels.csv")
    assert code == 1 and "/proc/labels.csv cannot be written" in err
    for words in (("simulate",), ("experiment", "bags", "--known", "--folder"), ("backup",)):
        code, _, err = run(*words, str(tmp_path / "file"))
        assert code == 1 and str(tmp_path / "file") in err.splitlines()[-1] and "Traceback" not in err, (words, err)
    assert (tmp_path / "file").read_text() == "kept"


def test_an_error_of_the_machine_anywhere_is_one_sentence_that_names_the_file(run):
    too_long = "x" * 300
    for words in (("labels", "--home", too_long), ("reports", "-o", f"{too_long}.csv"), ("simulate", too_long)):
        code, _, err = run(*words)
        assert code == 1 and len(err.splitlines()) == 1 and too_long in err and "too long" in err


def test_experiments_keep_what_they_make_in_the_labs_folder(run, tmp_path, monkeypatch):
    from mmdnet.experiments import ablation

    monkeypatch.chdir(tmp_path)
    result = {"variant": "full", "seed": 0, "metrics": {"test": {"kappa_mean": 0.8}}}
    for home in ("home", "other"):
        path = tmp_path / home / "experiments" / "results" / ablation.FULL_SIZE.name / "full-0.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(result))
    assert json.loads(run("experiment", "bags", "--known")[1])["test"]["full"]
    assert json.loads(run("experiment", "bags", "--known", "--home", str(tmp_path / "other"))[1])["test"]["full"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "other"]
