"""The truth of a project's slides: facts and the readers' grades as the project's rule makes them one."""

import pytest

from db import event_log, slide_readings
from db.models import PatientAnswer, Slide
from mmdnet.labels.grading import Grades
from mmdnet.workflows.scoring.slide_truth import SlideTruths


def put(bench, reader, grades, act="grade", slide=0, **said):
    with event_log.appending(bench.db) as session:
        slide_readings.put(session, bench.slides[slide], bench.readers[reader], act, grades, **said)


@pytest.fixture
def truths(label_bench):
    return SlideTruths(label_bench.services)


def first(truths, bench, **choice):
    return next(t for t in truths.of_project(bench.project, **choice) if t.slide_id == bench.slides[0])


def test_every_slide_is_there_with_its_facts_graded_or_not(truths, label_bench):
    with label_bench.db.begin() as session:
        slide = session.get(Slide, label_bench.slides[0])
        slide.patient, slide.site, slide.staining_run, slide.visit, slide.control = "P 01", "North", "r7", "1", "chow"
    put(label_bench, 0, {"steatosis": 2}, nas=5, fibrosis="1a")
    graded, other = first(truths, label_bench), truths.of_project(label_bench.project)
    assert len(other) == len(label_bench.slides) and sum(t.graded for t in other) == 1
    assert (graded.patient, graded.person, graded.site) == ("P 01", "p1", "North")
    assert (graded.staining_run, graded.visit, graded.control) == ("r7", "1", "chow")
    assert (graded.grades, graded.readers, graded.nas, graded.fibrosis) == (Grades(steatosis=2), 1, 5, "1a")


@pytest.mark.parametrize(("rule", "agreed"), [("latest", 2), ("majority", 1), ("adjudicated", None)])
def test_several_readers_come_to_one_grade_by_the_projects_rule(truths, label_bench, rule, agreed):
    label_bench.labels.consensus.set_rule(label_bench.project, rule)
    for reader, grade in ((0, 1), (1, 1), (2, 2)):
        put(label_bench, reader, {"steatosis": grade})
    truth = first(truths, label_bench)
    assert (truth.grades["steatosis"], truth.readers, truth.settled, truth.blinded) == (agreed, 3, False, True)
    put(label_bench, 0, {"steatosis": 3}, act="adjudicate")
    truth = first(truths, label_bench)
    assert (truth.settled, truth.blinded) == (True, False)
    assert truth.grades["steatosis"] == (None if rule == "majority" else 3)


def test_only_the_chosen_reader_counts_where_the_rule_is_one_readers(truths, label_bench):
    put(label_bench, 0, {"steatosis": 1})
    put(label_bench, 1, {"steatosis": 3}, nas=7)
    label_bench.labels.consensus.set_rule(label_bench.project, "reader", label_bench.readers[0])
    truth = first(truths, label_bench)
    assert (truth.grades["steatosis"], truth.readers, truth.nas) == (1, 1, None)


def test_grades_signed_beside_a_score_do_not_judge_a_model(truths, label_bench):
    put(label_bench, 0, {"steatosis": 2}, act="sign")
    assert first(truths, label_bench).grades["steatosis"] == 2
    assert not first(truths, label_bench, blinded_only=True).graded


def test_one_id_at_two_sites_is_one_person_until_answered(truths, label_bench):
    with label_bench.db.begin() as session:
        for number, site in zip(label_bench.slides, ("North", "South"), strict=False):
            session.get(Slide, number).patient, session.get(Slide, number).site = "P1", site
    assert {t.person for t in truths.of_project(label_bench.project)} == {"p1"}
    with label_bench.db.begin() as session:
        session.add(PatientAnswer(project_id=label_bench.project, patient="p1", one_person=False))
    assert len({t.person for t in truths.of_project(label_bench.project)}) == 2
