"""Labels on the command line: in and out, compared, and their record checked."""

import json
import sqlite3

import cv2
import numpy as np
import pytest

HEADER = "slide,x_px0,y_px0,reader,steatosis\n"


@pytest.fixture
def tiles(run, tmp_path):
    """Takes in slide 7 of a public data set: tiles in one row, by class of fat, graded by Heinemann 2022."""

    def take_in(*kinds: str, json_out: bool = False) -> tuple[int, str, str]:
        for number, kind in enumerate(kinds):
            path = tmp_path / "public" / "CNN" / "steatosis" / "train" / kind / f"7_{number}_0.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.full((299, 299, 3), 200, np.uint8))
        return run("import-tiles", str(tmp_path / "public"), "--project", "P", *(["--json"] if json_out else []))

    return take_in


def test_tiles_come_in_and_say_what_became_of_them(run, tiles):
    code, out, _ = tiles("05", "30", "75")
    assert code == 0
    assert "1 slide with 3 tiles added, 3 of them labelled (0 ignored)" in out
    code, out, _ = tiles("05", "30", "75", json_out=True)
    assert code == 0 and (json.loads(out)["there"], json.loads(out)["slides"]) == (1, 0)
    code, out, _ = run("labels", "--project", "P")
    assert code == 0
    said = out.splitlines()
    assert said[0] == "3 patches labelled by 1 reader, 0 ignored" and said[1].startswith("  steatosis: grade ")


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "geojson", "zip"])
def test_labels_go_out_and_come_in_again_as_they_were(run, tiles, tmp_path, kind):
    tiles("05", "30", "75")
    file = tmp_path / f"labels.{kind}"
    code, out, _ = run("labels", "export", str(file), "--project", "P", "--slide", "7", "--json")
    assert code == 0 and json.loads(out) == {"file": str(file), "rows": 3}
    code, out, _ = run("labels", "import", str(file), "--project", "P", "--json")
    assert code == 0 and (json.loads(out)["unchanged"], json.loads(out)["imported"]) == (3, 0)


def test_a_wrong_row_keeps_the_good_ones_out_until_they_are_asked_for(run, tiles, tmp_path):
    tiles("05", "30")
    file = tmp_path / "labels.csv"
    file.write_text(f"{HEADER}7,0,0,Ada,9\n7,299,0,Ada,1\n")
    code, out, _ = run("labels", "import", str(file), "--project", "P")
    assert code == 1 and "line 2: has steatosis 9" in out and "0 labels imported" in out
    code, out, _ = run("labels", "import", str(file), "--project", "P", "--good-rows", "--json")
    assert code == 1 and json.loads(out)["imported"] == 1


def test_one_readers_labels_go_out_alone_and_a_place_that_cannot_be_written_is_named(run, tiles, tmp_path):
    tiles("05", "30")
    (tmp_path / "ada.csv").write_text(f"{HEADER}7,0,0,Ada,2\n")
    run("labels", "import", str(tmp_path / "ada.csv"), "--project", "P")
    out = run("labels", "export", str(tmp_path / "out.csv"), "--project", "P", "--reader", "ada")[1]
    assert out.startswith("1 label written to ")
    assert (tmp_path / "out.csv").read_text().count("Heinemann") == 0
    (tmp_path / "file").write_text("")
    code, _, err = run("labels", "export", str(tmp_path / "file" / "out.csv"), "--project", "P")
    assert code == 1 and "is not there. Nothing was written" in err and "Traceback" not in err


def test_agreement_says_who_agrees_how_far_on_how_many_patches(run, tiles, tmp_path):
    tiles("30", "30", "30", "30")
    assert "Nobody has graded" in run("labels", "agreement", "--project", "P")[1]
    rows = "".join(f"7,{299 * n},0,Ada,{1 + n % 2}\n" for n in range(4))
    (tmp_path / "ada.csv").write_text(HEADER + rows)
    run("labels", "import", str(tmp_path / "ada.csv"), "--project", "P")
    code, out, _ = run("labels", "agreement", "--project", "P", "--json")
    (pair,) = json.loads(out)["comparisons"]
    assert code == 0 and (pair["first"], pair["second"], pair["counts"][1]) == ("Heinemann 2022", "Ada", [0, 2, 2, 0])
    assert "4 patches" in run("labels", "agreement", "--project", "P")[1]


def test_the_rule_where_readers_differ_is_told_and_chosen(run, tiles):
    tiles("30")
    assert run("labels", "rule", "--project", "P")[1].strip() == "Where readers differ: latest"
    said = run("labels", "rule", "reader", "--reader", "heinemann 2022", "--project", "P")[1].strip()
    assert said == "Where readers differ: reader (Heinemann 2022)"
    code, _, err = run("labels", "rule", "median", "--project", "P")
    assert code == 1 and "no consensus rule called median" in err


def test_a_folder_that_is_no_tile_set_makes_no_project(run, tmp_path):
    code, _, err = run("import-tiles", str(tmp_path), "--project", "P")
    assert code == 1 and "not laid out" in err
    assert "none yet" in run("labels", "--project", "P")[2]


def test_a_log_that_was_tampered_with_names_the_first_act_that_does_not_fit(run, tiles, tmp_path):
    tiles("30", "30", "30", "30")
    with sqlite3.connect(tmp_path / "home" / "lab.sqlite") as connection:
        connection.execute("DROP TRIGGER label_events_no_delete")
        connection.execute("DELETE FROM label_events WHERE id = 3")
    code, out, err = run("audit", "verify")
    assert code == 1 and "Event 4 (import by Heinemann 2022 on 7 at 897, 0, " in out and "taken out" in out
    assert "2 events before it" in out and "Traceback" not in err


def test_an_untouched_event_log_verifies(run, tiles):
    tiles("30", "75")
    assert run("audit", "verify")[1].strip() == "2 events, all as they were written."
    code, out, _ = run("audit", "verify", "--json")
    assert code == 0 and json.loads(out)["broken_id"] is None
