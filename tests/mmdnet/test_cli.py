"""The command line refuses in one sentence, and speaks JSON to machines."""

import json
import sys

import pytest

from mmdnet import cli


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command on a temporary home: exit code, stdout, stderr."""
    monkeypatch.setenv("MMDNET_HOME", str(tmp_path / "home"))

    def go(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mmdnet", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as leave:
            code = int(leave.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return go


def test_the_commands_are_those_that_were_promised(run):
    code, out, _ = run("--help")
    assert code == 0
    for name in ("doctor", "simulate", "ingest", "labels", "train", "score", "report", "worker", "demo"):
        assert f" {name} " in out


@pytest.mark.parametrize(
    "name", ["bad_slides/broken.svs", "bad_slides/unreadable.svs", "slides/camelyon_overview_29um.dcm"]
)
def test_a_bad_slide_leaves_one_sentence_an_exit_code_and_no_project(run, real_data, name):
    code, out, err = run("ingest", str(real_data / name), "--project", "P", "--json")
    assert code == 1 and "Traceback" not in out + err
    assert json.loads(out)["outcomes"][0]["problem"].endswith(".")
    assert "none yet" in run("labels", "--project", "P")[2]


def test_a_slide_of_glass_is_refused_in_plain_json(run, tmp_path):
    import cv2
    import numpy as np

    cv2.imwrite(str(tmp_path / "glass.png"), np.full((800, 800, 3), 245, np.uint8))
    code, out, _ = run("ingest", str(tmp_path / "glass.png"), "--mpp", "0.5", "--json")
    (outcome,) = json.loads(out)["outcomes"]
    assert code == 1 and "No tissue" in outcome["problem"] and set(outcome) == {"name", "slide_id", "problem"}


def test_a_real_slide_is_added_and_counted(run, real_data):
    code, out, _ = run("ingest", str(real_data / "slides" / "cmu-1-small-region.svs"), "--project", "P", "--json")
    assert code == 0 and json.loads(out)["slides"][0]["patches"] == 24
    code, out, _ = run("labels", "--project", "P", "--json")
    assert code == 0 and json.loads(out)["patches"] == 0


def test_training_without_labels_is_refused(run, real_data):
    run("ingest", str(real_data / "slides" / "cmu-1-small-region.svs"), "--project", "P", "--json")
    code, _, err = run("train", "--project", "P", "--check")
    assert code == 1 and "no labels" in err and "Traceback" not in err


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


def test_tiles_come_in_and_labels_go_out_and_in_again(run, tmp_path):
    import cv2
    import numpy as np

    for number, kind in enumerate(("05", "30", "75")):
        path = tmp_path / "public" / "CNN" / "steatosis" / "train" / kind / f"7_{number}_0.png"
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), np.full((299, 299, 3), 200, np.uint8))
    code, out, _ = run("import-tiles", str(tmp_path / "public"), "--project", "P", "--json")
    assert code == 0 and json.loads(out)["labels"] == 3
    for kind in ("csv", "parquet", "jsonl", "geojson", "zip"):
        file = tmp_path / f"labels.{kind}"
        assert run("labels", "export", str(file), "--project", "P", "--slide", "7")[0] == 0
        code, out, _ = run("labels", "import", str(file), "--project", "P", "--json")
        assert code == 0 and json.loads(out)["unchanged"] == 3
    (tmp_path / "labels.csv").write_text("slide,x_px0,y_px0,reader,steatosis\n7,0,0,Ada,9\n7,299,0,Ada,1\n")
    code, out, _ = run("labels", "import", str(tmp_path / "labels.csv"), "--project", "P")
    assert code == 1 and "line 2: has steatosis 9" in out and "0 labels imported" in out
    code, out, _ = run("labels", "import", str(tmp_path / "labels.csv"), "--project", "P", "--good-rows", "--json")
    assert json.loads(out)["imported"] == 1


def test_agreement_and_the_rule_where_readers_differ_on_the_command_line(run, tmp_path):
    import cv2
    import numpy as np

    path = tmp_path / "public" / "CNN" / "steatosis" / "train" / "30"
    path.mkdir(parents=True)
    for number in range(4):
        cv2.imwrite(str(path / f"7_{number}_0.png"), np.full((299, 299, 3), 200, np.uint8))
    run("import-tiles", str(tmp_path / "public"), "--project", "P")
    assert "Nobody has graded" in run("labels", "agreement", "--project", "P")[1]
    rows = "".join(f"7,{299 * n},0,Ada,{1 + n % 2}\n" for n in range(4))
    (tmp_path / "ada.csv").write_text("slide,x_px0,y_px0,reader,steatosis\n" + rows)
    run("labels", "import", str(tmp_path / "ada.csv"), "--project", "P")
    code, out, _ = run("labels", "agreement", "--project", "P", "--json")
    (one,) = json.loads(out)["comparisons"]
    assert code == 0 and (one["first"], one["second"], one["counts"][1]) == ("Heinemann 2022", "Ada", [0, 2, 2, 0])
    assert "4 patches" in run("labels", "agreement", "--project", "P")[1]
    assert run("labels", "rule", "--project", "P")[1].strip() == "Where readers differ: latest"
    assert run("labels", "rule", "reader", "--reader", "ada", "--project", "P")[1].strip().endswith("reader (Ada)")
    code, _, err = run("labels", "rule", "median", "--project", "P")
    assert code == 1 and "no consensus rule called median" in err


def test_a_folder_that_is_no_tile_set_makes_no_project(run, tmp_path):
    code, _, err = run("import-tiles", str(tmp_path), "--project", "P")
    assert code == 1 and "not laid out" in err
    assert "none yet" in run("labels", "--project", "P")[2]


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


def test_a_log_that_was_tampered_with_names_the_first_act_that_does_not_fit(run, tmp_path):
    import sqlite3

    import cv2
    import numpy as np

    for number in range(4):
        path = tmp_path / "public" / "CNN" / "steatosis" / "train" / "30" / f"7_{number}_0.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((299, 299, 3), 200, np.uint8))
    assert run("import-tiles", str(tmp_path / "public"), "--project", "P")[0] == 0
    with sqlite3.connect(tmp_path / "home" / "lab.sqlite") as connection:
        connection.execute("DROP TRIGGER label_events_no_delete")
        connection.execute("DELETE FROM label_events WHERE id = 3")
    code, out, err = run("audit", "verify")
    assert code == 1 and "Event 4 (import by Heinemann 2022 on 7 at 897, 0, " in out and "taken out" in out
    assert "2 events before it" in out and "Traceback" not in err


def test_an_untouched_event_log_verifies(run):
    code, out, _ = run("audit", "verify", "--json")
    assert code == 0 and json.loads(out)["broken_id"] is None
