"""The truth of a project's slides: facts, and readers' grades of whole slides made one by the project's rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.orm import Session

from db import consensus as rules
from db import projects, slide_readings
from db.models import Project, Slide, SlideReading
from db.slides import slides_of
from mmdnet.labels.consensus import ONE_READER, Vote, consensus
from mmdnet.labels.grading import Grades
from mmdnet.labels.slide_truth import SlideTruth
from mmdnet.slides.identity import person
from mmdnet.workflows.services import Services, must_get


class SlideTruths:
    """Use cases reachable as `lab.truth`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def of_project(
        self, project_id: int, blinded_only: bool = False, reader_id: int | None = None
    ) -> tuple[SlideTruth, ...]:
        """See `slide_truth`."""
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            return slide_truth(session, project_id, blinded_only, reader_id)


def slide_truth(
    session: Session, project_id: int, blinded_only: bool = False, reader_id: int | None = None
) -> tuple[SlideTruth, ...]:
    """Every slide of the project in the order of their names, graded or not.

    Args:
        blinded_only: readings given with a model's score or others' grades in view do not count. For judging a model:
            a signed report's grades were given beside that model's.
        reader_id: only this reader's readings, instead of the project's rule.
    """
    slides = slides_of(session, project_id)
    rule = rules.of_project(session, project_id) if reader_id is None else rules.Rule(ONE_READER, reader_id)
    answers = projects.patient_answers(session, project_id)
    readings: dict[int, list[SlideReading]] = defaultdict(list)
    for reading in slide_readings.current(session, [slide.id for slide in slides], blinded_only):
        readings[reading.slide_id].append(reading)
    return tuple(_truth(slide, readings[slide.id], rule, answers) for slide in slides)


def _truth(slide: Slide, readings: Sequence[SlideReading], rule: rules.Rule, answers: dict[str, bool]) -> SlideTruth:
    counted = [r for r in readings if rule.reader_id is None or r.reader_id == rule.reader_id]
    votes = [Vote(r.id, r.reader_id, Grades.of(r), adjudicated=r.act == slide_readings.SETTLING) for r in counted]
    agreed = consensus(votes, rule.rule, rule.reader_id).grades if votes else Grades()
    nas = [r.nas for r in counted if r.nas is not None]
    fibrosis = [r.fibrosis for r in counted if r.fibrosis is not None]
    return SlideTruth(
        slide_id=slide.id,
        name=slide.name,
        patient=slide.patient or "",
        person=person(slide.patient, slide.site, answers),
        site=slide.site or "",
        stain=slide.stain or "",
        scanner=slide.scanner or "",
        staining_run=slide.staining_run or "",
        visit=slide.visit or "",
        control=slide.control or "",
        simulated=slide.simulated,
        grades=agreed,
        readers=len(counted),
        settled=any(vote.adjudicated for vote in votes),
        blinded=all(r.blinded for r in counted),
        nas=nas[-1] if nas else None,
        fibrosis=fibrosis[-1] if fibrosis else None,
    )
