"""Quality and fat of a slide's patches, measured after they were laid: in parts, resumable, shown while it goes on."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import slides as rows
from db.models import LabelEvent, Patch, Slide
from mmdnet.progress import Progress, silent
from mmdnet.words import count
from mmdnet.workflows.job_specs import MeasureSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.ingest.survey import SurveyedPatch, fat_of, is_measured, measure
from mmdnet.workflows.slides.stored_geometry import open_stored, stored_grid, stored_places
from mmdnet.workflows.slides.stores import with_reduced

WRITE_EVERY_S = 2.0  # what is measured is kept so often, so that no more than this is done twice
NOTHING_READABLE = "None of its patches can be decoded. Copy or scan it again."


class Measuring:
    """Reachable as `lab.slides.measuring`."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def submit(self, slide_id: int) -> str | None:
        """Measure a slide in the background; the job's number, or None where it is measured."""
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            if slide.measured or slide.status != "ready":
                return None
        return self._jobs.submit(f"Measure {slide.name}", MeasureSpec(slide_id=slide_id), slide.project_id)


def measure_slide(services: Services, slide_id: int, progress: Progress = silent) -> None:
    """Measure what is not measured yet, row by row; what was done before is kept.

    A patch that a reader labelled meanwhile stays in use, whatever is found: a person saw it. The others that turn out
    spoilt are set aside with the reason, as at any other time, and so leave every queue.

    Raises:
        LabError: the file is gone, damaged, or another one by now.
    """
    with services.db() as session:
        slide = must_get(session, Slide, slide_id, "slide")
        if slide.measured or slide.patch_px is None:
            return
        patches = list(rows.patches_of(session, slide_id))
    places, grid = stored_places(patches), stored_grid(slide)
    todo = [i for i, patch in enumerate(patches) if not is_measured(patch.quality, patch.set_aside)]
    waiting: dict[int, SurveyedPatch] = {}
    aside = sum(not patch.usable for patch in patches)
    before = len(patches) - len(todo)
    progress(before / max(1, len(patches)), _words(slide.name, before, patches, aside))
    written = time.monotonic()
    with with_reduced(open_stored(slide, services.settings, progress), services.settings) as reader:
        for done, (index, patch) in enumerate(measure(reader, places, grid, todo)):
            waiting[patches[index].id] = patch
            aside += patches[index].usable and patch.set_aside is not None
            if time.monotonic() - written > WRITE_EVERY_S:
                _write(services, waiting)
                waiting, written = {}, time.monotonic()
                measured = before + done + 1
                progress(measured / len(patches), _words(slide.name, measured, patches, aside))
    _write(services, waiting)
    _finish(services, slide_id)
    progress(1.0, f"{slide.name}: {count(len(patches), 'patch')} measured")


def _words(name: str, measured: int, patches: Sequence[Patch], aside: int) -> str:
    """How far a slide is; patches set aside are told, for its list counts those in use."""
    left_out = f", {aside:,} set aside" if aside else ""
    return f"{name}: {measured:,} of {count(len(patches), 'patch')} measured{left_out}"


def _write(services: Services, measured: dict[int, SurveyedPatch]) -> None:
    with services.db.begin() as session:
        labelled = _labelled(session, list(measured))
        for patch in rows.patches_with_ids(session, list(measured)):
            seen = measured[patch.id]
            patch.quality, patch.fat_area_share = dict(seen.quality), seen.fat_area_share
            if patch.set_aside is None or patch.set_aside == "edge":
                patch.set_aside = seen.set_aside
                patch.overruled = patch.overruled or (seen.set_aside is not None and patch.id in labelled)


def _labelled(session: Session, patch_ids: list[int]) -> set[int]:
    labelled: set[int] = set()
    for start in range(0, len(patch_ids), 500):
        part = patch_ids[start : start + 500]
        labelled.update(session.scalars(select(LabelEvent.patch_id).where(LabelEvent.patch_id.in_(part)).distinct()))
    return labelled


def _finish(services: Services, slide_id: int) -> None:
    with services.db.begin() as session:
        slide = must_get(session, Slide, slide_id, "slide")
        patches: list[Patch] = list(rows.patches_of(session, slide_id))
        slide.fat_area_share = fat_of([(patch.tissue_share, patch.fat_area_share) for patch in patches])
        slide.measured = True
        slide.notes = [*slide.notes, *unusable_note(patches)]


def unusable_note(patches: list[Patch]) -> list[str]:
    """The sentence for a slide without one patch to use."""
    if any(patch.usable for patch in patches):
        return []
    if all(patch.set_aside == "unreadable" for patch in patches):
        return [NOTHING_READABLE]
    reasons = sorted({str(patch.set_aside) for patch in patches})
    return [f"Not one of its {count(len(patches), 'patch')} can be used: set aside ({', '.join(reasons)})."]
