import json
import shutil

import pytest
from typer.testing import CliRunner

from mmdnet.cli import app
from mmdnet.lab import open_lab
from mmdnet.settings import Settings


@pytest.fixture
def home(tmp_path, new_home):
    lab = open_lab(Settings(home=shutil.copytree(new_home, tmp_path / "home")))
    lab.projects.create("Liver")
    lab.readers.ensure("Ada")
    return lab.settings.home


def run(*asked, home):
    return CliRunner().invoke(app, ["projects", *map(str, asked), "--home", str(home)])


def test_settings_are_changed_shown_and_kept_with_who_changed_them(home):
    assert "Liver: 0 slides" in run("list", home=home).stdout
    told = json.loads(run("settings", "--reader-first", "--by", "Ada", "--json", home=home).stdout)
    assert told == {"project": "Liver", "reader_first": True, "report_model_id": None, "consensus_rule": "latest"}
    assert "Ada: setting changed, reader's grades first: on" in run("history", home=home).stdout
    assert "grades first: on" in run("settings", home=home).stdout
    assert "grades first: off" in run("settings", "--model-at-once", home=home).stdout


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("settings", "--by", "Nobody"), "no reader called Nobody"),
        (("settings", "--model", 99, "--reader-first"), "no model with the number 99"),
        (("history", "--project", "Kidney"), "no project called Kidney"),
    ],
)
def test_what_is_not_there_is_said_and_nothing_is_changed(home, asked, words):
    refused = run(*asked, home=home)
    assert refused.exit_code == 1 and words in str(refused.exception)
    assert not open_lab(Settings(home=home)).projects.list()[0].reader_first
