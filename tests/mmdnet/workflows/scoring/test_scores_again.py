"""A score that is to be made again: queued once, told by the command, and said where it cannot be."""

import json

import pytest
from typer.testing import CliRunner

from db.models import Score, Slide
from mmdnet.cli import app
from mmdnet.errors import LabError
from mmdnet.workflows.scoring.scores_again import finding_of
from tests.small_lab import JobInProcess, do_here


def made_again(scored, folder):
    context = JobInProcess(scored.lab.settings, folder)
    scored.lab.scores_again.run(context, scored.score)
    return context.told[-1][2]["right"], context.told[-1][1]


def test_what_cannot_be_made_again_here_is_neither_right_nor_wrong(scored, tmp_path, monkeypatch):
    """That one comes out as it is kept, and not where that was altered, is seen in `tests/pages/test_report.py`."""
    lab = scored.lab
    assert "files of this model are gone" in made_again(scored, tmp_path)[1]
    with lab.db.begin() as session:
        session.get_one(Score, scored.score).model_id = lab.models.shipped()
        session.get_one(Slide, scored.slide).path += ".gone"
    right, words = made_again(scored, tmp_path)
    assert right is None and words.startswith("The score was not made again. ") and "field.png" in words
    monkeypatch.setattr("mmdnet.nn.device.best_device", lambda: "cuda")
    right, words = made_again(scored, tmp_path)
    assert right is None and "made on cpu, and this machine computes on cuda" in words


def test_it_is_queued_once_and_the_command_says_what_came_of_it(scored, tmp_path, monkeypatch):
    lab, score = scored.lab, scored.score
    assert lab.scores_again.last(score) is None
    job = lab.scores_again.start(score)
    assert lab.scores_again.start(score) == job and finding_of(lab.scores_again.last(score)) is None
    with pytest.raises(LabError, match="no score with the number 99"):
        lab.scores_again.start(99)

    file = tmp_path / "report.json"
    file.write_text(lab.reports.file(score, "json"))
    asked = ["verify-report", str(file), "--json", "--home", str(lab.settings.home)]
    told = json.loads(CliRunner().invoke(app, [*asked, "--hashes-only"]).output)
    assert [finding["right"] for finding in told["findings"]] == [True, False], "a crafted model has no weights"
    monkeypatch.setattr("mmdnet.jobs.foreground.wait_for", lambda lab, job, _: do_here(lab, job, tmp_path))
    told = json.loads(CliRunner().invoke(app, asked).output)
    assert [finding["right"] for finding in told["findings"]] == [True, False, None] and not told["right"]
    assert "files of this model are gone" in told["findings"][-1]["words"]
    assert lab.jobs.get(job).status == "done" and lab.scores_again.start(score) != job
