"""Backup and restore as commands."""

import json


def test_a_lab_is_saved_and_put_back_and_a_folder_that_is_none_is_a_sentence(run, label_bench, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("out")
    home = label_bench.services.settings.home
    code, out, err = run("backup", str(tmp_path / "kept"), "--home", str(home), "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["verified"] and told["doubt"] == ""
    code, out, _ = run("restore", f"file://{told['backup']}", "--home", str(tmp_path / "new"))
    assert code == 0 and str(tmp_path / "new") in out
    code, out, err = run("restore", str(tmp_path), "--home", str(tmp_path / "other"))
    assert code == 1 and "is no backup of a lab" in err and "Traceback" not in err


def test_a_lab_that_moves_to_a_file_is_told_where_its_queue_lies_then(run, label_bench, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("moved")
    home = label_bench.services.settings.home
    code, out, err = run("migrate-to", f"sqlite:///{tmp_path / 'lab.sqlite'}", "--home", str(home))
    assert code == 0, err
    assert f"MMDNET_JOBS_URL to sqlite:///{tmp_path / 'jobs.sqlite'} from now on" in out
    assert (tmp_path / "jobs.sqlite").is_file()
