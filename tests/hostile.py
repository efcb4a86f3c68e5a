"""A lab in which every text that a person or a file can bring is hostile to whatever draws it as Markdown or HTML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from db.models import Job, LabelSession, Model, Project, Reader, Run, Slide
from mmdnet.labels.grading import Grades
from mmdnet.settings import load_settings
from mmdnet.workflows.labelling.views import PatchGrades, QueueChoice

if TYPE_CHECKING:
    from tests.pages.conftest import Filled

MARK = "evil.example"
SHORT = "A*1*2 ~~B~~ $9$ ![x](//evil.example) :smile: C] :green-badge[by D"
LONG = (
    f"{SHORT} [l](http://evil.example) http://evil.example/a www.evil.example e@evil.example :material/check: "
    "<b>F</b><img src=http://evil.example/i.png> `G` \\*H\\* _I_ -> $x$ %{y} %{text} J"
)


def hostile(what: str) -> str:
    """A hostile text that says where it stands."""
    return f"{LONG} {what}"


def spoil(filled: Filled) -> None:
    """Give the filled lab a second reader, a session, a signature and a rule; then spoil every text of it."""
    lab, project = filled.lab, filled.project
    second = lab.readers.ensure("Ben").id
    patches = lab.slides.patches(filled.slides[0])
    graded = [PatchGrades(patch.id, Grades(ballooning=1, inflammation=i % 4, steatosis=i % 4))
              for i, patch in enumerate(patches)]  # fmt: skip
    lab.labels.acts.put_many(project, second, graded)
    lab.labels.sessions.create(project, second, "Session", QueueChoice(filled.slides, per_slide=3))
    grades = lab.scoring.get(filled.score).summary.grades
    lab.reports.sign(filled.score, second, grades, hostile("reason of a signature"))
    lab.labels.consensus.set_rule(project, "reader", second, second)
    lab.projects.create("Second cohort")
    spoil_rows(lab.settings.home)


def spoil_rows(home: Path) -> None:
    """Write hostile texts past the checks that names pass on their way in."""
    with Session(create_engine(load_settings(home=home).lab_url)) as session, session.begin():
        for kind in (Project, Reader, LabelSession, Run, Model):
            for row in session.scalars(select(kind)):
                row.name = hostile(f"{kind.__name__.lower()} {row.id}")
        for model in session.scalars(select(Model)):
            model.card = {**model.card, "name": model.name}
        for run in session.scalars(select(Run)):
            run.label_set = {**run.label_set, "readers": [hostile("reader of a run")], "warnings": [hostile("warning")]}
        for slide in session.scalars(select(Slide)):
            slide.name = f"{hostile(f'slide {slide.id}')}.png"
            for fact in ("stain", "scanner", "site", "patient", "accession_number", "barcode", "vendor", "reader"):
                setattr(slide, fact, hostile(fact))
            if slide.status == "ready":
                slide.reason = hostile("reason of a slide")
        for job in session.scalars(select(Job)):
            job.title, job.message, job.failure = hostile("job"), hostile("message"), hostile("failure")
            job.progress = {**job.progress, "refused": [hostile("refused")]}
