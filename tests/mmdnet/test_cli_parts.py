import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmdnet.cli_parts import (
    as_plain,
    bar,
    check_place,
    experiments_folder,
    follow_all,
    kind_of_file,
    lab_at,
    project_called,
    project_named,
    read_in,
    reader_called,
    say,
    settings_at,
    slide_called,
    write_out,
)
from mmdnet.errors import LabError
from mmdnet.settings import Settings
from mmdnet.workflows.job_specs import IngestSpec


@pytest.fixture
def lab(tmp_path):
    return lab_at(tmp_path / "home")


def test_of_several_jobs_each_is_told_and_the_first_that_failed_ends_the_command(lab, capsys):
    project = lab.projects.create("Study").id
    spec = IngestSpec(project_id=project, path="a.svs")
    first, second = (lab.jobs.submit(title, spec, project) for title in ("One", "Two"))
    lab.jobs.cancel(first)
    with pytest.raises(LabError, match=r"^One: cancelled\."):
        follow_all(lab, [first, second], as_json=True, background=True)
    assert [json.loads(line)["title"] for line in capsys.readouterr().out.splitlines()] == ["Two"]


def test_projects_and_readers_are_found_by_name_and_known_ones_are_named_where_none_is(lab):
    with pytest.raises(LabError, match=r"no project called Study\. Known are: none yet"):
        project_called(lab, "Study")
    study, ada = lab.projects.create("Study").id, lab.readers.ensure("Ada").id
    assert project_called(lab, "Study") == study and reader_called(lab, "ada") == ada
    with pytest.raises(LabError, match=r"no reader called Ben\. Known are: Ada"):
        reader_called(lab, "Ben")
    with pytest.raises(LabError, match=r"is no slide called a\.svs"):
        slide_called(lab, study, "a.svs")


def test_where_no_project_is_named_the_only_one_is_meant(lab):
    with pytest.raises(LabError, match=r"no project called My lab\. Known are: none yet"):
        project_called(lab, "")
    study = lab.projects.create("Study").id
    assert project_called(lab, "") == project_named(lab, "") == study
    lab.projects.create("Other")
    with pytest.raises(LabError, match=r"2 projects: name one with --project\. Known are: .*Study"):
        project_named(lab, "")
    first = project_named(lab, "My lab")
    assert project_called(lab, "") == first


def test_facts_become_plain_json():
    @dataclass(frozen=True, slots=True)
    class Fact:
        at: datetime
        path: Path
        counts: dict[int, int]

    plain = as_plain([Fact(datetime(2026, 1, 2, tzinfo=UTC), Path("a/b"), {1: 2})])
    assert json.loads(json.dumps(plain)) == [{"at": "2026-01-02T00:00:00Z", "path": "a/b", "counts": {"1": 2}}]


@pytest.mark.parametrize(("as_json", "said"), [(True, '{"slides": 3}\n'), (False, "3 slides\n")])
def test_machines_get_facts_and_people_words(as_json, said, capsys):
    say(as_json, {"slides": 3}, "3 slides")
    assert capsys.readouterr().out == said


def test_a_bar_tells_people_on_stderr_and_machines_nothing(capsys):
    for as_json in (True, False):
        with bar(as_json, "Adding slides") as step:
            step(0.5, "a.svs", patches=3)
        told = capsys.readouterr()
        assert told.out == ""
        assert ("Adding slides: a.svs" in told.err) is not as_json


def test_the_home_is_the_one_that_was_given(tmp_path, monkeypatch):
    monkeypatch.setenv("MMDNET_HOME", str(tmp_path / "other"))
    assert settings_at(tmp_path / "home") == Settings(home=tmp_path / "home")
    assert settings_at(None).home == tmp_path / "other"


def test_a_file_is_written_where_one_can_be_and_else_a_sentence_says_why(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    for place, why in (
        (tmp_path, "is a folder; name a file"),
        (tmp_path / "none" / "a.csv", "is not there"),
        (tmp_path / "a.csv" / "b.csv", "is not there"),
    ):
        with pytest.raises(LabError, match=f"{why}.*Nothing was written"):
            check_place(place)
        with pytest.raises(LabError, match="cannot be written"):
            write_out(place, "new")
    with pytest.raises(LabError, match=r"written as \.csv, \.md, not as \.txt\. Nothing was trained\."):
        kind_of_file(tmp_path / "a.txt", ("csv", "md"), "A table", "Nothing was trained.")
    assert kind_of_file(tmp_path / "a.csv", ("csv",), "A table", "") == "csv"
    kinds = ("json", "fhir.json", "sr.dcm")
    assert [kind_of_file(tmp_path / name, kinds, "", "") for name in ("a.json", "a.FHIR.json", "json.sr.dcm")] == [
        *kinds
    ]
    with pytest.raises(LabError, match=r"not as \.dcm"):
        kind_of_file(tmp_path / "a.dcm", kinds, "A report", "")
    write_out(tmp_path / "a.csv", "new")
    assert read_in(tmp_path / "a.csv") == b"new" and len(list(tmp_path.iterdir())) == 1
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(LabError, match=r"cannot be read: .*\. Nothing was changed\."):
            read_in(place)


def test_experiments_are_kept_in_the_labs_folder_unless_another_is_named(tmp_path):
    assert experiments_folder(None, tmp_path) == tmp_path / "experiments" and not list(tmp_path.iterdir())
    assert experiments_folder(tmp_path / "x", tmp_path) == tmp_path / "x"
    (tmp_path / "x").write_text("")
    with pytest.raises(LabError, match="is no folder"):
        experiments_folder(tmp_path / "x")
