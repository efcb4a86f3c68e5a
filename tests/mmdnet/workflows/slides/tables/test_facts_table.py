"""A table of facts and grades goes out and comes in: looked at first, then whole or not at all."""

import csv
from functools import partial

import numpy as np
import pytest

from db import slide_readings
from db.models import Slide
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.slides.tables import facts_table
from mmdnet.workflows.slides.tables.facts_table import FactsTables, kind_of
from tests.label_bench import _slide, grade_all
from tests.nas import as_given

HEAD = "slide,patient,site,staining_run,steatosis,ballooning,inflammation,nas,fibrosis,reader,date\n"


@pytest.fixture
def bench(label_bench):
    """Two slides without files, called first.svs and second.svs."""
    with label_bench.db.begin() as session:
        for number, name in zip(label_bench.slides, ("first.svs", "second.svs"), strict=True):
            session.get(Slide, number).name = name
    label_bench.tables = FactsTables(label_bench.services)
    return label_bench


def bring(bench, text, apply=True, **choice):
    return bench.tables.import_file(bench.project, "t.csv", (HEAD + text).encode(), apply=apply, **choice)


def standing(bench):
    with bench.db() as session:
        slides = {number: session.get(Slide, number).name for number in bench.slides}
        read = slide_readings.current(session, bench.slides)
        return {slides[r.slide_id]: (Grades.of(r).as_tuple, r.nas, r.fibrosis, r.act, r.blinded) for r in read}


def patients(bench):
    with bench.db() as session:
        return [session.get(Slide, number).patient for number in bench.slides]


def test_a_look_says_what_would_change_line_by_line_and_changes_nothing(bench):
    plan = bring(bench, "first.svs,P1,North,r7,2,1,,5,1a,Ada,2026-03-01\nsecond.svs,,,,,,,,,,\n", apply=False)
    (change,) = plan.changes
    assert (change.line, change.slide, plan.unchanged, plan.problems) == (2, "first.svs", 1, ())
    assert change.says[:3] == ("Site: – → North", "Patient: – → P1", "Staining run: – → r7")
    assert "Ada, steatosis: – → 2" in change.says and "Ada, NAS: – → 5" in change.says
    assert standing(bench) == {} and patients(bench) == [None, None]


def test_a_table_is_applied_whole_and_again_changes_nothing(bench):
    text = "first.svs,P1,North,r7,2,1,,5,1a,Ada,2026-03-01\nsecond.svs,P2,North,r7,0,0,0,,,Ada,\n"
    assert len(bring(bench, text).changes) == 2
    assert standing(bench) == {
        "first.svs": (as_given(1, None, 2), 5, "1a", "import", True),
        "second.svs": (as_given(0, 0, 0), None, None, "import", True),
    }
    again = bring(bench, text)
    assert (again.changes, again.unchanged) == ((), 2)
    with bench.db() as session:
        (reading,) = slide_readings.history(session, bench.slides[0])
        assert (reading.read_on.isoformat(), reading.shown["file"], reading.shown["row"]) == ("2026-03-01", "t.csv", 2)
        assert slide_readings.verify(session).intact


def test_one_wrong_row_keeps_every_row_out_and_each_is_told(bench):
    text = "first.svs,P1,,,2,,,,,Ada,\nthird.svs,P3,,,1,,,,,Ada,\nsecond.svs,P2,,,7,,,,,Ada,\n"
    plan = bring(bench, text, apply=False)
    assert [(wrong.line, wrong.problem.split(",")[0]) for wrong in plan.problems] == [
        (3, "names third.svs"),
        (4, "has steatosis 7; the scale is 0 to 3"),
    ]
    with pytest.raises(LabError, match=r"Row 3 names third\.svs.* 1 more row is wrong\. Nothing was changed"):
        bring(bench, text)
    assert standing(bench) == {} and patients(bench) == [None, None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("first.svs,P1,,,2,,,,,Ada,\nFIRST,,,,1,,,,,ada,\n", r"same slide and reader \(ada\) as row 2"),
        ("first.svs,P1,,,,,,,,,\nfirst.svs,P1,,,,,,,,,\n", "same slide as row 2"),
        ("first.svs,P1,,,2,,,,,Ada,\nfirst.svs,P2,,,1,,,,,Ben,\n", "says patient P2 of first.svs, and row 2 says P1"),
        ("first.svs,P1,,,2,,\n", "cells where the header has"),
    ],
)
def test_doubled_and_contradicting_rows_are_told(bench, text, words):
    with pytest.raises(LabError, match=words):
        bring(bench, text)


def test_several_readers_of_one_slide_are_no_double(bench):
    bring(bench, "first.svs,P1,,,2,,,,,Ada,\nfirst.svs,P1,,,1,,,,,Ben,\n")
    with bench.db() as session:
        assert len(slide_readings.current(session, bench.slides)) == 2


def test_slides_of_one_name_need_their_path(bench):
    with bench.db.begin() as session:
        session.get(Slide, bench.slides[1]).name = "first.svs"
        path = session.get(Slide, bench.slides[1]).path
    with pytest.raises(LabError, match="2 slides are called so; give the path too"):
        bring(bench, "first.svs,P1,,,,,,,,,\n")
    plan = bench.tables.import_rows(bench.project, {2: {"path": path, "patient": "P9"}}, apply=True)
    assert len(plan.changes) == 1 and patients(bench) == [None, "P9"]
    for row, words in (
        ({"path": "/nowhere.svs", "patient": "P9"}, "no slide of this project lies there"),
        ({"path": path, "slide": "other", "patient": "P9"}, "the slide at its path is called first.svs"),
    ):
        with pytest.raises(LabError, match=words):
            bench.tables.import_rows(bench.project, {2: row}, apply=True)


def test_a_reader_adds_others_grades_and_never_changes_those_that_stand(bench):
    ada, ben = bench.readers[:2]
    bring(bench, "first.svs,,,,2,,,,,Ada,\n", by=ben)
    with pytest.raises(LabError, match=r"changes what Ada said of first\.svs, and only Ada may change that"):
        bring(bench, "first.svs,,,,3,,,,,Ada,\n", by=ben)
    bring(bench, "first.svs,,,,3,,,,,Ada,\n", by=ada)
    bring(bench, "first.svs,,,,1,,,,,Ada,\n")
    assert standing(bench)["first.svs"][0] == as_given(None, None, 1)


def test_a_nas_that_is_not_the_sum_is_kept_and_noted_and_foreign_columns_are_named(bench):
    plan = bring(bench, "first.svs,,,,2,1,1,7,,Ada,\n")
    assert plan.notes == ("Row 2: NAS 7 is kept as given; the grades come to 4.",)
    assert standing(bench)["first.svs"][1] == 7
    plan = bench.tables.import_rows(bench.project, {2: {"slide": "second", "patient": "P1", "colour": "red"}})
    assert plan.not_read == ("colour",)


def test_accession_number_and_barcode_come_in_and_go_out(bench):
    row = {"slide": "first", "accession": 260017.0, "barcode": "S26;A1"}
    (change,) = bench.tables.import_rows(bench.project, {2: row}, apply=True).changes
    assert change.says == ("Accession number: – → 260017", "Barcode: – → S26;A1")
    (head, first, *_) = csv.reader(bench.tables.export(bench.project, "csv").decode("utf-8-sig").splitlines())
    said = dict(zip(head, first, strict=True))
    assert (said["accession_number"], said["barcode"]) == ("260017", "S26;A1")


def test_another_way_to_write_the_same_patient_says_so(bench):
    bring(bench, "first.svs,P1,,,,,,,,,\n")
    (change,) = bring(bench, "first.svs,p 01,,,,,,,,,\n").changes
    assert change.says == ("Patient: P1 → p 01 (the same patient)",)


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_what_goes_out_comes_in_again_as_it_was(bench, kind):
    bring(bench, "first.svs,=P1,North,r7,2,1,,5,1a,Ada,2026-03-01\nfirst.svs,=P1,North,r7,1,,,,,Ben,\n")
    data = bench.tables.export(bench.project, kind)
    plan = bench.tables.import_file(bench.project, f"x.{kind}", data)
    assert (plan.changes, plan.problems, plan.unchanged) == ((), (), 3)


def test_who_has_not_read_a_slide_does_not_get_others_grades_of_it(bench):
    bring(bench, "first.svs,,,,2,,,,,Ada,\nsecond.svs,,,,1,,,,,Ada,\nsecond.svs,,,,0,,,,,Ben,\n")
    ben = next(n for n in bench.readers if bench.services.db().get(slide_readings.Reader, n).name == "Ben")
    rows = bench.tables.rows(bench.project, seen_by=ben)
    assert [(row["slide"], row["reader"], row["steatosis"]) for row in rows] == [
        ("first.svs", None, None),
        ("second.svs", "Ada", 1),
        ("second.svs", "Ben", 0),
    ]


def test_files_that_are_no_table_are_refused_by_name(bench):
    take = partial(bench.tables.import_file, bench.project)
    for name, data, words in (
        ("t.csv", b"colour\nred\n", "no column slide or path"),
        ("t.xlsx", b"PK", "no XLSX workbook|no ZIP"),
        ("t.parquet", b"PAR1", "no Parquet"),
        ("t.docx", b"", "ending in .csv"),
    ):
        with pytest.raises(LabError, match=words):
            take(name, data)
    assert kind_of("A.XLSX") == "xlsx"


def test_micron_per_pixel_is_set_where_the_file_is_silent_and_patches_are_laid(lab, tissue_png):
    project = lab.projects.create("Silent").id
    slide = lab.slides.register(project, tissue_png())[0].slide_id
    assert lab.slides.get(slide).status == "needs_mpp"
    name = lab.slides.get(slide).name
    plan = lab.slides.tables.import_rows(project, {2: {"slide": name, "mpp": "0.5", "patient": "P1"}}, apply=True)
    assert plan.changes[0].says == ("µm per pixel: – → 0.5", "Patient: – → P1")
    view = lab.slides.get(slide)
    assert (view.status, view.mpp_x, view.mpp_source, view.patient) == ("ready", 0.5, "person", "P1")
    assert view.patches > 0


def test_a_slide_without_tissue_at_its_new_scale_keeps_the_whole_table_out(lab, tmp_path):
    import cv2

    project = lab.projects.create("Bare").id
    cv2.imwrite(str(tmp_path / "glass.png"), np.full((900, 900, 3), 245, np.uint8))
    slide = lab.slides.register(project, tmp_path / "glass.png")[0].slide_id
    with pytest.raises(LabError):
        lab.slides.tables.import_rows(project, {2: {"slide": "glass.png", "mpp": "0.5", "patient": "P1"}}, apply=True)
    assert (lab.slides.get(slide).patient, lab.slides.get(slide).mpp_x) == (None, None)


@pytest.mark.parametrize("source", ["file", "person"])
def test_another_scale_than_the_files_own_or_under_labels_is_refused(bench, source):
    with bench.db.begin() as session:
        slide = session.get(Slide, bench.slides[0])
        slide.facts = slide.facts.with_stated(StatedFacts(mpp=0.5))
        slide.mpp_source = source
    grade_all(bench, 0, [1, 2])
    words = "itself says 0.5" if source == "file" else "carries labels laid by 0.5"
    with pytest.raises(LabError, match=words):
        bench.tables.import_rows(bench.project, {2: {"slide": "first", "mpp": "0.25"}}, apply=True)
    same = bench.tables.import_rows(bench.project, {2: {"slide": "first", "mpp": "0.5"}})
    assert same.unchanged == 1


def test_a_table_of_many_slides_asks_the_database_no_oftener_than_one_of_few(label_bench):
    from sqlalchemy import event

    def statements(slides):
        asked = []
        with label_bench.db.begin() as session:
            for number in range(slides):
                _slide(session, label_bench.project, 100 + number)
        with label_bench.db() as session:
            hear = lambda *_: asked.append(1)  # noqa: E731
            event.listen(session.get_bind(), "before_cursor_execute", hear)
            rows = facts_table._rows(session, label_bench.project, None)
            event.remove(session.get_bind(), "before_cursor_execute", hear)
        return len(rows), len(asked)

    few, many = statements(0), statements(60)
    assert many[0] == few[0] + 60 and many[1] == few[1]
