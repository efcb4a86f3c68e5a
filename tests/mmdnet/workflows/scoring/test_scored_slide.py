"""One load for all that is said, drawn or written of a score."""

import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import safetensors
from pydicom import dcmread
from sqlalchemy import event
from typer.testing import CliRunner

from benchmarks._drawn import tissue, write_dicom
from db.models import Patch
from mmdnet.cli import app
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.slides.facts import FileFacts, StatedFacts
from mmdnet.workflows.scoring.scored_slide import REPORT_KINDS
from tests.mmdnet.workflows.scoring.conftest import Scored, add_score

BOUNDS = (64, 32)


@pytest.fixture
def loads(scored, monkeypatch) -> Counter:
    """What was read since: rows by their table, and score files."""
    counts: Counter = Counter()
    opened = safetensors.safe_open

    def open_counted(path, *args, **more):
        counts["score file"] += 1
        return opened(path, *args, **more)

    monkeypatch.setattr(safetensors, "safe_open", open_counted)

    row = {"slides": "path", "patches": "id", "scores": "id", "models": "id"}  # a column of whole rows alone

    def count(connection, cursor, statement, *rest):
        counts["statements"] += 1
        for table, column in row.items():
            counts[table] += f"{table}.{column}" in statement.partition("FROM")[0]

    engine = scored.lab.db.kw["bind"]
    event.listen(engine, "before_cursor_execute", count)
    yield counts
    event.remove(engine, "before_cursor_execute", count)


def test_the_page_its_files_and_its_maps_load_the_slide_its_patches_and_the_score_once(scored, loads):
    opened = scored.lab.reports.open(scored.score)
    assert opened.report.nas.value == 5
    assert len(opened.patches) == opened.summary.patches
    assert opened.sign_offs == []
    for kind in REPORT_KINDS:
        assert opened.file(kind)
    for task in TASK_NAMES:
        assert opened.heat_png(task, 300).startswith(b"\x89PNG")
    once = {name: loads[name] for name in ("score file", "slides", "patches", "scores", "models")}
    assert once == {"score file": 1, "slides": 1, "patches": 1, "scores": 1, "models": 1}
    assert loads["statements"] <= 9  # three of them say whether the score is reportable


@pytest.mark.parametrize("kind", REPORT_KINDS)
def test_one_file_loads_no_more_than_it_says(scored, loads, kind):
    assert scored.lab.reports.file(scored.score, kind)
    assert (loads["score file"], loads["patches"]) == (1, 1)


def test_a_dicom_slides_objects_point_to_it_and_what_does_not_fit_is_refused_with_nothing_written(lab, tmp_path):
    """Through the lab and its command line, accession number and barcode as the file gives them."""
    file = write_dicom(tmp_path / "a.dcm", tissue(1400, 1000, fat=0.0), tile=512, accession="A26-1", barcode="S1")
    project = lab.projects.create("My lab").id
    slide = lab.slides.register(project, file)[0].slide_id
    score = add_score(lab, slide)
    annotated = dcmread(io.BytesIO(lab.reports.file(score, "patches.dcm")))
    assert annotated.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.1"
    assert (annotated.PatientID, annotated.AccessionNumber, annotated.ContainerIdentifier) == ("P-1", "A26-1", "S1")
    corners = np.frombuffer(annotated.AnnotationGroupSequence[0].PointCoordinatesData, np.float32).reshape(-1, 4, 2)
    assert corners[:, 0].tolist() == [[patch.x_px0, patch.y_px0] for patch in lab.slides.patches(slide)]
    lab.slides.set_facts(slide, StatedFacts(accession_number="A26-0000-0000-0000-1"))
    out, home = tmp_path / "x.sr.dcm", ["--home", str(lab.settings.home)]
    said = CliRunner().invoke(app, ["report", "a.dcm", "--out", str(out), *home])
    assert "DICOM holds 16" in str(said.exception) and not out.exists()
    assert CliRunner().invoke(app, ["report", "a.dcm", "--out", str(tmp_path / "x.fhir.json"), *home]).exit_code == 0
    assert json.loads((tmp_path / "x.fhir.json").read_text())["resourceType"] == "Bundle"
    with pytest.raises(LabError, match=r"not as dcm"):
        lab.reports.file(score, "dcm")
    write_dicom(file, tissue(1400, 1000, fat=0.0, seed=1), tile=512)
    with pytest.raises(LabError, match="has changed since it was added"):
        lab.reports.file(score, "map.dcm")


def test_signing_loads_the_slide_once(scored, loads):
    reader = scored.lab.readers.ensure("Ada").id
    scored.lab.reports.sign(scored.score, reader, scored.lab.scoring.get(scored.score).summary.grades)
    assert (loads["score file"], loads["patches"]) == (1, 1)


@pytest.fixture
def bounded(lab, tissue_png, monkeypatch) -> Scored:
    """A scored slide whose file states that the scanner used only a part of it, as MRXS does."""
    whole = property(lambda self: (*BOUNDS, self.width_px0 - BOUNDS[0], self.height_px0 - BOUNDS[1]))
    monkeypatch.setattr(FileFacts, "area_px0", whole)
    project = lab.projects.create("Bounded").id
    slide = lab.slides.register(project, tissue_png(), StatedFacts(mpp=0.5))[0].slide_id
    return Scored(lab, project, slide, add_score(lab, slide))


def squares(text: str) -> set[tuple]:
    """The outlines of a file's tiles."""
    features = json.loads(text)["features"]
    return {
        tuple(map(tuple, feature["geometry"]["coordinates"][0]))
        for feature in features
        if feature["properties"]["objectType"] == "tile"
    }


def test_a_reports_tiles_lie_where_the_slides_own_lie_on_a_slide_with_bounds(bounded):
    lab, slide, score = bounded.lab, bounded.slide, bounded.score
    report = squares(lab.reports.file(score, "geojson"))
    assert report == squares(lab.qupath.export(slide))
    corners = {square[0] for square in report}
    patches = lab.slides.patches(slide)
    assert corners == {(patch.x_px0 - BOUNDS[0], patch.y_px0 - BOUNDS[1]) for patch in patches}


def test_the_tiles_lie_there_too_where_the_slides_file_is_gone(bounded):
    before = bounded.lab.reports.file(bounded.score, "geojson")
    Path(bounded.lab.slides.get(bounded.slide).path).unlink()
    assert squares(bounded.lab.reports.file(bounded.score, "geojson")) == squares(before)


def test_a_report_of_a_slide_whose_file_is_gone_has_no_pictures_but_all_else(scored):
    Path(scored.lab.slides.get(scored.slide).path).unlink()
    html = scored.lab.reports.file(scored.score, "html")
    assert "picture not included" in html
    assert "NAS 5" in html


def test_patches_laid_anew_since_are_refused_in_words(scored):
    with scored.lab.db.begin() as session:
        session.delete(session.get(Patch, scored.lab.slides.patches(scored.slide)[0].id))
    with pytest.raises(LabError, match="laid anew since it was scored"):
        scored.lab.reports.open(scored.score)


def test_a_feature_the_model_does_not_grade_has_no_map(scored):
    with pytest.raises(LabError, match="does not grade colour"):
        scored.lab.reports.heat(scored.score, "colour", 300)
    with pytest.raises(LabError, match="does not grade colour"):
        scored.lab.reports.open(scored.score).heat_png("colour")
