"""A home that an earlier build made opens with everything in it; `tests/homes/` says how each was made."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import Settings
from mmdnet.workflows.lab import Lab
from tests.nas import NAMES
from tests.small_lab import JobInProcess

HOMES = Path(__file__).parent / "homes"
FINISHED, STOPPED = 1, 2  # the home's two trainings


@dataclass
class Home:
    """An unpacked home, opened by today's code, and its rows as they stand in the file."""

    lab: Lab
    folder: Path
    rows: dict[str, list[dict[str, Any]]]

    @property
    def project(self) -> int:
        return self.lab.projects.list()[0].id


def rows_of(database: Path) -> dict[str, list[dict[str, Any]]]:
    """Every table's rows."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")] for table in tables}


def point_to(home: Path) -> None:
    """Let the paths in the database lead into the folder the home lies in now."""
    before = (home / "made-in.txt").read_text()
    with closing(sqlite3.connect(home / "lab.sqlite")) as connection, connection:
        for table, column in (("slides", "path"), ("models", "folder")):
            connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (before, str(home)))
    (home / "made-in.txt").write_text(str(home))


@pytest.fixture(scope="module", params=sorted(path.name for path in HOMES.glob("*.tar.xz")))
def opened_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home as today's code leaves it after opening it, which migrates it; beside it its rows of before."""
    folder = (tmp_path_factory.mktemp("kept") / "home").resolve()
    with tarfile.open(HOMES / request.param) as archive:
        archive.extractall(folder, filter="data")
    point_to(folder)
    shutil.copyfile(folder / "lab.sqlite", folder.parent / "before.sqlite")
    open_lab(Settings(home=folder))
    return folder


@pytest.fixture
def home(opened_once: Path, tmp_path: Path) -> Home:
    """A copy of the test's own."""
    folder = shutil.copytree(opened_once, tmp_path / "home").resolve()
    point_to(folder)
    return Home(open_lab(Settings(home=folder)), folder, rows_of(opened_once.parent / "before.sqlite"))


def test_slides_patches_and_readers_are_there(home: Home):
    lab = home.lab
    slides = lab.slides.list(home.project)
    assert {slide.name: slide.patient for slide in slides} == {
        row["name"]: row["patient"] for row in home.rows["slides"]
    }
    assert sum(slide.patches for slide in slides) == len(home.rows["patches"])
    assert {reader.name for reader in lab.readers.list()} == {"Ada", "Ben"}
    patch = lab.slides.patches(slides[0].id)[0]
    assert lab.slides.pictures.patch_jpeg(patch.id)[:2] == b"\xff\xd8"


def test_labels_their_chain_and_the_rule_are_untouched(home: Home):
    lab, events = home.lab, home.rows["label_events"]
    verdict = lab.labels.record.verify()
    assert verdict.intact and verdict.events == len(events)
    assert verdict.last_hash == events[-1]["hash"]
    assert [event["act"] for event in events].count("undo") == 1
    for reader in lab.readers.list():
        own = {label.patch_id: label for label in lab.labels.current(home.project, reader.id)}
        last = {event["patch_id"]: event for event in events if event["reader_id"] == reader.id}
        assert own.keys() == last.keys()
        assert all(own[patch].event_id == event["id"] for patch, event in last.items())
        assert all(own[patch].ignored == bool(event["ignored"]) for patch, event in last.items())
    assert {session.kind for session in lab.labels.sessions.of_project(home.project)} == {"plan", "second"}
    frozen = json.loads(home.rows["runs"][0]["label_set"])
    assert lab.labels.consensus.label_set(home.project).sha256 == frozen["sha256"]


def test_grades_of_whole_slides_are_the_first_of_a_chain_that_holds(home: Home):
    lab, kept = home.lab, home.rows["slide_grades"]
    verdict = lab.labels.record.verify_readings()
    assert verdict.intact and verdict.events == len(kept) > 0
    for row in kept:
        own = {truth.slide_id: truth for truth in lab.truth.of_project(home.project, reader_id=row["reader_id"])}
        assert own[row["slide_id"]].grades == Grades(**{name: row[name] for name in NAMES})
    assert not any(truth.graded for truth in lab.truth.of_project(home.project, blinded_only=True))  # all were signed


def test_jobs_trainings_and_the_model_are_there(home: Home):
    lab = home.lab
    jobs = {job.title: job for job in lab.jobs.list(home.project)}
    assert {title: job.status for title, job in jobs.items()} == {
        "Add slides": "done",
        "Train Finished training": "done",
        "Train Stopped training": "cancelled",
        "Score 2 slides with Finished training": "done",
    }
    assert [run.name for run in lab.training.runs(home.project)] == ["Stopped training", "Finished training"]
    assert len(lab.training.history(FINISHED)) == 1
    model = lab.models.get(lab.training.get(FINISHED).model_id)
    assert (model.name, model.weights_sha256) == ("Finished training", home.rows["models"][0]["weights_sha256"])


def test_a_stopped_training_goes_on_from_its_checkpoint(home: Home):
    lab = home.lab
    with closing(sqlite3.connect(home.folder / "lab.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER slide_readings_no_delete")
        connection.execute("DELETE FROM slide_readings")  # signed since; that build froze the grades of patches alone
    kept = lab.training.history(STOPPED)
    attempt = JobInProcess(lab.settings, home.folder / "jobs" / "resumed", last=f"Epoch {len(kept) + 1} of 40 done")
    with pytest.raises(KeyboardInterrupt):
        lab.training.run(attempt, STOPPED)
    assert any(f"Going on after epoch {len(kept)}" in message for _, message, _ in attempt.told)
    history = lab.training.history(STOPPED)
    assert history[: len(kept)] == kept and len(history) == len(kept) + 1


def test_a_slide_is_scored_again_and_its_patches_get_the_same_grades(home: Home):
    lab = home.lab
    model, slide = lab.training.get(FINISHED).model_id, home.rows["scores"][0]["slide_id"]
    attempt = JobInProcess(lab.settings, home.folder / "jobs" / "again")
    assert lab.scoring.score_now(attempt, [slide], model) == []
    again = max(score.id for score in lab.scoring.list(home.project))
    before, after = (lab.reports.open(score).arrays for score in (home.rows["scores"][0]["id"], again))
    for task in NAMES:
        np.testing.assert_allclose(after.patch_probabilities[task], before.patch_probabilities[task], atol=1e-3)
        np.testing.assert_allclose(after.attention[task], before.attention[task], atol=1e-3)
    # That build kept features by whole model, this one keeps them by backbone: they are computed again.
    assert any("features of 4 patches by" in message for _, message, _ in attempt.told)


def test_reports_are_built_and_signatures_stand(home: Home):
    lab = home.lab
    for score in home.rows["scores"]:
        report = json.loads(lab.reports.file(score["id"], "json"))
        assert report["header"]["slide_id"] == score["slide_id"]
        assert "esearch use only" in lab.reports.file(score["id"], "html")
    signed = lab.reports.sign_offs(home.rows["sign_offs"][0]["score_id"])
    assert [(sign.reader, sign.amends_id, sign.reason) for sign in signed] == [
        ("Ada", None, ""),
        ("Ben", signed[0].id, "fat counted by eye"),
    ]
    assert [sign.report_sha256 for sign in signed] == [row["report_sha256"] for row in home.rows["sign_offs"]]


def test_what_is_kept_to_be_used_again_is_whole(home: Home):
    stores = home.lab.store.verify()
    assert sorted(store.kind for store in stores) == ["features", "features", "patches"]
    assert all(store.fault is None for store in stores)
