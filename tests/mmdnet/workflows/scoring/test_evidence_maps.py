"""The maps of a score's patches: made by the shipped model in the job, kept beside the score, read with the report."""

import csv
import io
import zipfile

import pytest
from typer.testing import CliRunner

from db.models import Job, Model, Score
from mmdnet.cli import app
from mmdnet.errors import LabError
from mmdnet.workflows.job_specs import EvidenceMapsSpec
from mmdnet.workflows.scoring import evidence_maps
from tests.small_lab import JobInProcess

FEW = {"TOP": 1, "LOW": 0, "RANDOM": 0}  # patches of a feature that are shown


@pytest.fixture
def by_shipped(scored, monkeypatch):
    """The crafted score as one of the shipped model, with one patch of each feature as evidence."""
    for name, number in FEW.items():
        monkeypatch.setattr(f"mmdnet.reports.build.{name}", number)
    with scored.lab.db.begin() as session:
        session.get(Score, scored.score).model_id = scored.lab.models.shipped()
    return scored


def run(scored, folder, last=None):
    context = JobInProcess(scored.lab.settings, folder, "maps", last=last)
    scored.lab.evidence_maps.run(context, scored.score)
    return context


def unpacked(lab, score):
    packed = zipfile.ZipFile(io.BytesIO(lab.reports.patch_maps(score)))
    return packed, list(csv.DictReader(io.StringIO(packed.read("maps.csv").decode("utf-8-sig"))))


def test_maps_stopped_half_way_are_gone_on_with_and_are_in_the_zip_and_the_command(by_shipped, tmp_path, monkeypatch):
    lab, score = by_shipped.lab, by_shipped.score
    with pytest.raises(LabError, match=r"No maps of field\.png were made yet"):
        lab.reports.patch_maps(score)
    with pytest.raises(KeyboardInterrupt):
        run(by_shipped, tmp_path, last="2 of 3")
    assert len(lab.reports.open(score).evidence_maps) == 1
    told = run(by_shipped, tmp_path).told
    assert [words for _, words, _ in told] == ["2 of 3 maps", "3 of 3 maps"]
    scored = lab.reports.open(score)
    assert {name: set(known) for name, known in scored.evidence_maps.items()} == {
        name: set(grades) for name, grades in scored.evidence_grades.items()
    }
    monkeypatch.setattr(evidence_maps, "_images", lambda *_: pytest.fail("made once") if _[1] else {})
    assert run(by_shipped, tmp_path).told == []

    assert scored.maps_made
    out, asked = tmp_path / "r.html", ["--cam", str(tmp_path / "m.zip"), "--home", str(lab.settings.home)]
    told = CliRunner().invoke(app, ["report", "field.png", "--out", str(out), "--project", "Scored", *asked])
    assert "Chattopadhay 2018" in out.read_text("utf-8")
    assert told.exit_code == 0 and zipfile.is_zipfile(tmp_path / "m.zip") and not lab.jobs.list(by_shipped.project)

    packed, rows = unpacked(lab, score)
    assert len(rows) == 3 and {row["shown_as"] for row in rows} == {"top"}
    assert {row["at_least"] for row in rows} == {""} and {row["whole"] for row in rows} == {""}, "withheld"
    assert sum(name.endswith(".jpg") for name in packed.namelist()) == 3
    assert b"Chattopadhay 2018" in packed.read("README.txt")
    with pytest.raises(LabError, match="No map of this patch was made for colour"):
        scored.map_jpeg("colour", 0)

    with lab.db.begin() as session:  # as one that learnt from real slides: its grades may be reported
        model = session.get(Model, lab.models.shipped())
        model.card = {**model.card, "simulated": False}
    _, rows = unpacked(lab, score)
    assert all(int(row["at_least"]) >= 1 for row in rows)
    tested = [row for row in rows if row["whole"]]
    assert tested and all(0 <= float(row["marked_masked"]) <= 1 for row in tested)


def test_maps_are_queued_once_and_refused_without_the_models_files_or_a_place_for_them(by_shipped, tmp_path):
    lab, score = by_shipped.lab, by_shipped.score
    lab.jobs.submit("Maps of another score", EvidenceMapsSpec(score_id=score + 1), by_shipped.project)
    assert lab.evidence_maps.making(score) is None
    job = lab.evidence_maps.start(score)
    assert lab.evidence_maps.start(score) == lab.evidence_maps.making(score) == job
    with lab.db.begin() as session:
        assert session.get(Job, job).spec == {"score_id": score}
        session.get(Model, lab.models.shipped()).folder = "/nowhere"
    with pytest.raises(LabError, match="files of this model are gone"):
        lab.evidence_maps.start(score)
    with pytest.raises(LabError, match="no score with the number 99"):
        lab.evidence_maps.start(99)
    out, asked = tmp_path / "r.json", ["--cam", str(tmp_path / "m.png"), "--home", str(lab.settings.home)]
    told = CliRunner().invoke(app, ["report", "field.png", "--out", str(out), "--project", "Scored", *asked])
    assert "is written as .zip, not as .png" in str(told.exception) and not out.exists()
    asked[1] = str(tmp_path / "m.zip")
    told = CliRunner().invoke(app, ["report", "field.png", "--out", str(out), "--project", "Scored", *asked])
    assert "files of this model are gone" in str(told.exception) and not out.exists()
