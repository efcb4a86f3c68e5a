"""The demo project: simulated slides with known truth, labelled from that truth and scored by the shipped model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from db.slides import put_slide_grade
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.label_views import PatchGrades

if TYPE_CHECKING:
    from mmdnet.workflows.lab import Lab

PROJECT = "Demo (simulated)"
TRUTH_READER = "Drawn truth"
SESSION = "Drawn truth, 24 patches a slide"
PATCHES_A_SLIDE = 24
LAST_WRITTEN = ".truth.geojson"  # the last file of a slide that is drawn whole


def submit_demo(lab: Lab) -> str:
    """Queue the making of the demo project; the job's number."""
    project = lab.projects.named(PROJECT, simulated=True)
    return lab.jobs.submit("demo", "Make the demo slides", {"project_id": project.id}, project_id=project.id)


def make_demo(lab: Lab, context: JobContext, project_id: int) -> None:
    """Draw the slides, add them with their truth, label a subset from it, and score all with the shipped model.

    Started again after a stop, it goes on where it was: a slide that is drawn or added is not drawn or added twice.
    """
    from mmdnet.simulate.recipes import demo_recipes
    from mmdnet.simulate.slide import simulate_many

    folder = lab.settings.folder("slides") / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    recipes = demo_recipes()
    paths = [folder / f"{recipe.name}.tiff" for recipe in recipes]
    missing = [
        recipe for recipe, path in zip(recipes, paths, strict=True) if not path.with_suffix(LAST_WRITTEN).exists()
    ]
    here = len(recipes) - len(missing)

    def drawn(share: float) -> None:
        done = here + share * len(missing)
        context.progress(0.6 * done / len(recipes), f"drawing slides, {done:.0f} of {len(recipes)} done")

    drawn(0.0)
    simulate_many(missing, folder, processes=min(4, os.cpu_count() or 1), progress=drawn)
    added = []
    for number, path in enumerate(paths):
        context.progress(0.6 + 0.25 * number / len(paths), f"adding slide {number + 1} of {len(paths)}")
        outcome = lab.slides.register(project_id, path)[0]
        if outcome.slide_id is None:
            raise LabError(outcome.problem or f"{path.name} could not be added.")
        added.append(outcome.slide_id)
    context.progress(0.85, "labelling from the drawn truth")
    label_from_truth(lab, project_id, added)
    lab.scoring.score_now(context, added, lab.models.shipped(), start=0.9)


def label_from_truth(lab: Lab, project_id: int, slide_ids: list[int], per_slide: int = PATCHES_A_SLIDE) -> int:
    """Give a seeded subset of patches of simulated slides the grades that were drawn; how many got one."""
    from mmdnet.simulate.truth import load_truth

    reader = lab.readers.ensure(TRUTH_READER)
    known = [session for session in lab.labels.sessions(project_id) if session.name == SESSION]
    session = (
        known[0]
        if known
        else lab.labels.create_session(
            project_id, reader.id, SESSION, slide_ids=slide_ids, per_slide=per_slide, seed=0, audit_share=0.0
        )
    )
    queue = lab.labels.queue(session.id, 0, per_slide * len(slide_ids))
    truths = {}
    for slide_id in slide_ids:
        slide = lab.slides.get(slide_id)
        truths[slide_id] = load_truth(Path(slide.path))
        with lab.db.begin() as db:
            put_slide_grade(db, slide_id, reader.id, {name: truths[slide_id].grades[name] for name in TASK_NAMES})
    rows = []
    for item in queue:
        patch = lab.slides.patch(item.patch_id)
        drawn = truths[patch.slide_id].patch_grades(patch.x_px0, patch.y_px0, patch.width_px0)
        ignored = drawn["ignored"] is not None
        grades = cast("dict[str, int | None]", {name: None if ignored else drawn[name] for name in TASK_NAMES})
        rows.append(PatchGrades(item.patch_id, **grades, ignored=ignored))
    return lab.labels.put_many(
        project_id, reader.id, rows, session_id=session.id, act="import", key=f"drawn-truth-{session.id}"
    )
