"""The demo project: simulated slides with known truth, labelled from that truth and scored by the shipped model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from db import event_log, slide_readings
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.progress import Progress, between
from mmdnet.words import count
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.job_plans import JobPlan
from mmdnet.workflows.job_specs import DemoSpec
from mmdnet.workflows.labelling.views import PatchGrades, QueueChoice

if TYPE_CHECKING:
    from mmdnet.simulate.recipes import SlideRecipe
    from mmdnet.workflows.lab import Lab

PROJECT = "Demo (simulated)"
TRUTH_READER = "Drawn truth"
SESSION = "Drawn truth, 24 patches a slide"
PATCHES_A_SLIDE = 24
SOON = 1  # slides that are drawn, added and scored before the others
EACH = 3  # of the others at once, after which jobs of other work go first
LATER = timedelta(minutes=5)  # until it is looked again whether there is other work
TITLE = "Make the demo slides"


def submit_demo(lab: Lab) -> str:
    """Queue the making of the demo project; the job's number."""
    project = lab.projects.named(PROJECT, simulated=True)
    return lab.jobs.submit(TITLE, DemoSpec(project_id=project.id), project.id)


def make_demo(lab: Lab, context: JobContext, project_id: int, made: int = 0) -> None:
    """Draw slides, add and score them with the shipped model, then label a subset of each from what was drawn.

    The first slide goes the whole way before the others are begun, so that there is a report to look at soon. Nobody
    asked for a demo who has work of their own: while other jobs wait or run, the rest is left to a job that goes last.
    Started again after a stop, it goes on where it was: nothing is drawn, added, scored or labelled twice.

    Args:
        made: slides that a job before this one has made.
    """
    from mmdnet.simulate.recipes import demo_recipes

    recipes = demo_recipes()
    model = lab.models.shipped()
    added: list[int] = []
    for part in (recipes[:SOON], *(recipes[first : first + EACH] for first in range(SOON, len(recipes), EACH))):
        if len(added) > made and _others_at_work(lab, context.job_id):
            plan = JobPlan("last", datetime.now(UTC) + LATER)
            lab.jobs.submit(TITLE, DemoSpec(project_id=project_id, made=len(added)), project_id, plan)
            context.progress(
                1.0, f"{len(added)} of {len(recipes)} slides; the others come after the jobs of other work"
            )
            return
        whole = len(recipes) / 0.98  # the last fiftieth is left for the labels
        steps = between(context.progress, len(added) / whole, (len(added) + len(part)) / whole)
        paths = _draw(lab, part, between(steps, 0.0, 0.5))
        for number, path in enumerate(paths):
            steps(0.5 + 0.2 * number / len(paths), f"adding slide {len(added) + 1} of {len(recipes)}")
            outcome = lab.slides.register(project_id, path)[0]
            if outcome.slide_id is None:
                raise LabError(outcome.problem or f"{path.name} could not be added.")
            added.append(outcome.slide_id)
        lab.scoring.score_now(context, added[-len(part) :], model, between(steps, 0.7, 1.0))
    context.progress(0.98, "labelling from what was drawn")
    label_from_truth(lab, project_id, added)
    context.progress(1.0, f"{count(len(added), 'slide')} drawn, labelled and scored")


def _others_at_work(lab: Lab, job_id: str) -> bool:
    """Whether a job that makes no demo runs, or waits for a worker alone."""
    return any(
        job.kind != DemoSpec.kind and (job.status == "running" or (job.after is None and job.not_before is None))
        for job in lab.jobs.list(active=True)
        if job.id != job_id
    )


def _draw(lab: Lab, recipes: Sequence[SlideRecipe], steps: Progress) -> list[Path]:
    """The slides of these recipes, drawn where they are not there yet."""
    from mmdnet.experiments.simulated_cohorts import draw

    message = "drawing a slide" if len(recipes) == 1 else f"drawing {len(recipes)} slides"
    steps(0.0, message)
    return draw(recipes, lab.settings.folder("slides") / "demo", lambda share, _, /, **__: steps(share, message))


def label_from_truth(lab: Lab, project_id: int, slide_ids: list[int], per_slide: int = PATCHES_A_SLIDE) -> int:
    """Give a seeded subset of patches of simulated slides the grades that were drawn; how many got one."""
    from mmdnet.simulate.truth import load_truth

    reader = lab.readers.ensure(TRUTH_READER)
    known = [session for session in lab.labels.sessions.of_project(project_id) if session.name == SESSION]
    session = (
        known[0]
        if known
        else lab.labels.sessions.create(
            project_id, reader.id, SESSION, QueueChoice(slide_ids, per_slide, audit_share=0.0)
        )
    )
    queue = lab.labels.sessions.queue(session.id, 0, per_slide * len(slide_ids))
    truths = {}
    for slide_id in slide_ids:
        slide = lab.slides.get(slide_id)
        truths[slide_id] = load_truth(Path(slide.path))
        with event_log.appending(lab.db) as db:
            drawn, key = Grades(**truths[slide_id].grades), f"drawn-truth-slide-{slide_id}"
            slide_readings.put(db, slide_id, reader.id, "import", drawn, key=key)
    rows = []
    for item in queue:
        patch = lab.slides.patch(item.patch_id)
        seen = truths[patch.slide_id].patch_grades(patch.x_px0, patch.y_px0, patch.width_px0)
        grades = cast("dict[str, int | None]", {name: seen.get(name) for name in TASK_NAMES})
        ignored = seen["ignored"] is not None
        rows.append(PatchGrades(item.patch_id, Grades(**grades), ignored=ignored))
    return lab.labels.acts.put_many(
        project_id, reader.id, rows, session_id=session.id, act="import", key=f"drawn-truth-{session.id}"
    )
