import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmdnet.cli_parts import as_plain, bar, lab_at, project_called, reader_called, say, settings_at, slide_called
from mmdnet.errors import LabError
from mmdnet.settings import Settings


@pytest.fixture
def lab(tmp_path):
    return lab_at(tmp_path / "home")


def test_projects_and_readers_are_found_by_name_and_known_ones_are_named_where_none_is(lab):
    with pytest.raises(LabError, match=r"no project called Study\. Known are: none yet"):
        project_called(lab, "Study")
    study, ada = lab.projects.create("Study").id, lab.readers.ensure("Ada").id
    assert project_called(lab, "Study") == study and reader_called(lab, "ada") == ada
    with pytest.raises(LabError, match=r"no reader called Ben\. Known are: Ada"):
        reader_called(lab, "Ben")
    with pytest.raises(LabError, match=r"is no slide called a\.svs"):
        slide_called(lab, study, "a.svs")


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
