"""`mmdnet ingest`: good slides come in, bad ones leave a sentence, an exit code and no project."""

import json

import pytest


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
    assert code == 1 and "No tissue" in outcome["problem"] and set(outcome) == {"name", "slide_id", "problem", "notes"}


def test_a_real_slide_is_added_and_counted(run, real_data):
    code, out, _ = run("ingest", str(real_data / "slides" / "cmu-1-small-region.svs"), "--project", "P", "--json")
    assert code == 0 and json.loads(out)["slides"][0]["patches"] == 24
    code, out, _ = run("labels", "--project", "P", "--json")
    assert code == 0 and json.loads(out)["patches"] == 0


def test_several_slides_are_added_by_one_command_as_a_shell_names_them(run, real_data, tmp_path):
    names = ["slides/cmu-1-small-region.svs", "bad_slides/broken.svs"]
    (tmp_path / "empty").mkdir()
    paths = [str(tmp_path / "empty"), *(str(real_data / name) for name in names)]
    code, out, _ = run("ingest", *paths, "--project", "P", "--json")
    empty, added, refused = json.loads(out)["outcomes"]
    assert code == 1 and added["problem"] is None and refused["slide_id"] is None and refused["problem"]
    assert empty["problem"].startswith("No slides were found in empty.")
    code, _, err = run("ingest", str(real_data / names[0]), "/no/such.svs", "--project", "New")
    assert code == 1 and "not there" in err and "none yet" not in err
    assert "no project called New" in run("labels", "--project", "New")[2]
