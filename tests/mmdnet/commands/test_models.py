import json
import shutil

import pytest
from typer.testing import CliRunner

from mmdnet.cli import app
from mmdnet.lab import open_lab
from mmdnet.settings import DEMO_MODEL, Settings


@pytest.fixture
def home(tmp_path, new_home):
    lab = open_lab(Settings(home=shutil.copytree(new_home, tmp_path / "home")))
    lab.projects.create("My lab")
    return lab.settings.home


def run(*asked, home):
    return CliRunner().invoke(app, ["models", *map(str, asked), "--home", str(home)])


def test_a_model_is_brought_in_listed_and_its_card_written_as_markdown_and_json(home, tmp_path):
    told = run("add", DEMO_MODEL, "--name", "Borrowed", "--json", home=home)
    model = json.loads(told.stdout)["model"]
    assert "Borrowed" in run("list", home=home).stdout
    assert run("card", model, home=home).stdout.startswith("# Model card: Borrowed")
    spoken = json.loads(run("card", model, "--json", home=home).stdout)
    for out in (tmp_path / "card.md", tmp_path / "card.json"):
        assert run("card", model, "--out", out, home=home).exit_code == 0
    assert json.loads((tmp_path / "card.json").read_text()) == spoken
    assert "| 23a | Performance |" in (tmp_path / "card.md").read_text()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("card", 99), "no model with the number 99"),
        (("card", 1, "--out", "card.pdf"), "written as .md, .json, not as .pdf"),
        (("add", "nowhere"), "There is no model in nowhere"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(home, asked, words):
    told = run(*asked, home=home)
    assert told.exit_code == 1 and words in str(told.exception)
