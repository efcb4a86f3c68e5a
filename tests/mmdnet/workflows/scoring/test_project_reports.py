"""All reports of a project: as a table, the same in three formats, and as one ZIP."""

import io
import json
import zipfile

import pytest
from typer.testing import CliRunner

from db.models import Score
from mmdnet import tables
from mmdnet.cli import app
from mmdnet.errors import LabError
from mmdnet.reports.csv import COLUMNS
from mmdnet.workflows.scoring import project_reports


def read(data: bytes, kind: str) -> list[dict[str, str]]:
    return [
        {name: "" if value is None else str(value) for name, value in line.fields.items()}
        for line in tables.read_rows(data, kind)
    ]


def test_the_table_says_the_same_in_every_format(scored):
    reports, project = scored.lab.project_reports, scored.lab.projects.list()[0].id
    text = reports.file(project, "csv")
    by_csv = read(text.encode(), "csv")
    assert [row["feature"] for row in by_csv] == ["steatosis", "inflammation", "ballooning", "NAS"]
    for kind in ("xlsx", "parquet"):
        rows = read(reports.file(project, kind), kind)
        assert [row["feature"] for row in rows] == [row["feature"] for row in by_csv]
        assert tuple(rows[0]) == tuple(name.lower() for name in COLUMNS)
        assert [float(row["model_grade"]) for row in rows] == [float(row["model_grade"]) for row in by_csv]
        assert rows[0]["slide"] == by_csv[0]["slide"]


def test_the_zip_holds_the_table_and_each_report(scored):
    project = scored.lab.projects.list()[0].id
    with zipfile.ZipFile(io.BytesIO(scored.lab.project_reports.file(project, "zip"))) as archive:
        *others, table = archive.namelist()
        assert table == "reports.csv" and sorted(name.rsplit(".", 1)[1] for name in others) == [
            "geojson",
            "json",
            "pdf",
        ]
        report = json.loads(archive.read(next(name for name in others if name.endswith(".json"))))
        assert report["header"]["slide_id"] == scored.slide


def test_the_score_that_was_signed_counts_and_each_is_opened_once(scored, monkeypatch):
    lab = scored.lab
    grades = lab.scoring.get(scored.score).summary.grades
    lab.reports.sign(scored.score, lab.readers.ensure("Ada").id, grades)
    with lab.db.begin() as session:
        first = session.get(Score, scored.score)
        session.add(Score(slide_id=first.slide_id, model_id=first.model_id, result=first.result, file=first.file))
    opened = []
    load = project_reports.load_scored_slide
    monkeypatch.setattr(
        project_reports, "load_scored_slide", lambda services, key: opened.append(key) or load(services, key)
    )
    with zipfile.ZipFile(io.BytesIO(lab.project_reports.file(scored.project, "zip"))) as archive:
        (row, *_) = read(archive.read("reports.csv"), "csv")
    assert opened == [scored.score]
    assert row["signed_by"] == "Ada"


def test_a_project_without_scores_and_an_unknown_kind_are_refused(lab):
    project = lab.projects.create("Empty").id
    with pytest.raises(LabError, match="No slide of this project is scored yet"):
        lab.project_reports.file(project, "csv")
    with pytest.raises(LabError, match=r"written as \.csv, \.xlsx, \.parquet, \.zip, not as doc"):
        lab.project_reports.file(project, "doc")


def test_the_command_writes_them_and_refuses_what_it_does_not_know(scored, tmp_path):
    home = ["--home", str(scored.lab.settings.home), "--project", scored.lab.projects.list()[0].name]
    runner = CliRunner()
    written = runner.invoke(app, ["reports", "--out", str(tmp_path / "all.csv"), *home])
    assert written.exit_code == 0, written.output
    assert (tmp_path / "all.csv").read_text().startswith("slide,reportable,caution")
    for out, words in (("all.doc", "not as doc"), ("no/all.csv", "Nothing was written")):
        refused = runner.invoke(app, ["reports", "--out", str(tmp_path / out), *home])
        assert words in str(refused.exception)
    assert [path.name for path in tmp_path.glob("all.*")] == ["all.csv"]
