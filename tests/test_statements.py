"""A lab of many slides asks its database as often as one of few: what the pages call grows in rows, not in questions."""

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from benchmarks._full_lab import Size, make_full_lab
from mmdnet.workflows.labelling.views import QueueChoice

FEW, MANY = 10, 40


@pytest.fixture(scope="module")
def labs(tmp_path_factory):
    """The same lab small and four times as large: slides with patches, labels, readings, scores and jobs."""
    sizes = [Size(slides, 8 * slides, 4 * slides, 2 * slides) for slides in (FEW, MANY)]
    return [make_full_lab(tmp_path_factory.mktemp("full") / "home", size) for size in sizes]


def use_cases(full):
    lab, project, (reader, other) = full.lab, full.project, full.readers
    slides = [slide.id for slide in lab.slides.list(project)]
    return {
        "overview": lambda: lab.overview.next_step(
            lab.projects.get(project), lab.slides.list(project), lab.scoring.leading(project)
        ),
        "worklist": lambda: lab.scoring.leading(project),
        "jobs": lambda: lab.jobs.list(project),
        "slides": lambda: (lab.slides.list(project), lab.slides.reads.due(project, reader)),
        "patient": lambda: (
            lab.slides.patients.of_project(project),
            lab.slides.list(project, slides[:2]),
            lab.scoring.leading(project, slides[:2]),
        ),
        "score": lambda: (lab.models.list(project), lab.scoring.list(project)),
        "label": lambda: (lab.labels.sessions.of_project(project, reader), lab.learning.state(project)),
        "progress": lambda: lab.labels.sessions.progress(lab.labels.sessions.of_project(project, reader)[0].id),
        "plans": lambda: lab.labels.sessions.plans(project, slides),
        "new session": lambda: lab.labels.sessions.preview(project, other, QueueChoice(slides, 3)),
        "uncertain": lambda: lab.labels.sessions.preview(project, other, QueueChoice(slides, 3, "uncertain")),
        "label many": lambda: lab.maps.missing(project),
        "agreement": lambda: lab.labels.agreement.of_project(project),
        "train": lambda: (lab.labels.counts(project), lab.truth.of_project(project)),
        "evaluate": lambda: lab.evaluations.plan(project, lab.models.list(project)[0].id),
    }


def test_no_page_asks_the_database_more_often_where_there_are_more_slides(labs):
    few, many = (counted(full) for full in labs)
    assert {name: asked for name, asked in many.items() if asked > few[name]} == {}


def counted(full):
    asked = [0]

    def count(*_):
        asked[0] += 1

    numbers = {}
    event.listen(Engine, "before_cursor_execute", count)
    try:
        for name, use_case in use_cases(full).items():
            asked[0] = 0
            use_case()
            numbers[name] = asked[0]
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    return numbers


def test_what_is_asked_of_some_slides_is_what_all_have_and_no_summary_is_read_twice(labs):
    full = labs[0]
    lab, project = full.lab, full.project
    every = {slide.id: slide for slide in lab.slides.list(project)}
    some = list(every)[3:5]
    assert lab.slides.list(project, some) == [every[key] for key in some] and lab.slides.list(project, []) == []
    leading = lab.scoring.leading(project)
    part = lab.scoring.leading(project, some)
    assert part == {key: leading[key] for key in some} and len(leading) == FEW
    assert all(lab.scoring.leading(project)[key].summary is leading[key].summary for key in leading)


def test_a_full_lab_is_what_it_says_and_its_chain_holds(labs):
    full = labs[1]
    project = full.lab.projects.get(full.project)
    assert (project.slides, project.patches, project.scored_slides) == (MANY, 8 * MANY, MANY)
    assert full.lab.labels.record.verify().intact
    assert sum(tally for tally in full.lab.labels.counts(full.project).grades["steatosis"].values()) == 4 * MANY
    assert len(full.lab.jobs.list(full.project)) == 2 * MANY
