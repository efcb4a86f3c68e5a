"""The stain of slides of which nobody says it: proposed from their colours, taken once a person confirms it."""

from __future__ import annotations

from collections.abc import Sequence

from db import slides as rows
from db.models import Slide
from db.projects import add_change
from mmdnet.errors import LabError
from mmdnet.progress import Progress, silent
from mmdnet.words import count
from mmdnet.workflows.context import JobContext, checked
from mmdnet.workflows.job_specs import StainsSpec
from mmdnet.workflows.jobs import MOST_REFUSALS, Jobs
from mmdnet.workflows.services import Services, must_get, must_get_slides
from mmdnet.workflows.slides.ingest.survey import colour_sample
from mmdnet.workflows.slides.stored_geometry import open_stored, stored_grid, stored_places


class Stains:
    """Reachable as `lab.slides.stains`; what is proposed stands in a slide's view."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def submit(self, slide_ids: Sequence[int]) -> str:
        """`propose` for slides of one project in the background; the job's number.

        Raises:
            LabError: no slide is named, or one is not there.
        """
        if not slide_ids:
            raise LabError("Name a slide whose colours are to be looked at. Nothing was started.")
        with self._services.db() as session:
            projects = {slide.project_id for slide in must_get_slides(session, slide_ids)}
        if len(projects) > 1:
            raise LabError("These slides are of more than one project. Nothing was started.")
        title = f"Look at the colours of {count(len(slide_ids), 'slide')}"
        return self._jobs.submit(title, StainsSpec(slide_ids=tuple(slide_ids)), projects.pop())

    def run(self, context: JobContext, slide_ids: Sequence[int]) -> None:
        """Do it (in the worker); taken up again, it looks at no slide twice.

        Raises:
            LabError: not one of the slides could be looked at.
        """
        refused = self.propose(slide_ids, checked(context))
        if len(refused) == len(slide_ids):
            raise LabError(" ".join(refused[:MOST_REFUSALS]))
        looked = f"{count(len(slide_ids) - len(refused), 'slide')} looked at"
        context.progress(1.0, ". ".join([looked, *refused[:MOST_REFUSALS]]))

    def propose(self, slide_ids: Sequence[int], progress: Progress = silent) -> Sequence[str]:
        """Look at the colours of slides that have patches, of which nobody looked at or says the stain.

        Slides that come in are looked at by themselves; this is for those that were there before. What is given back
        says of each slide that could not be looked at why: its file is gone, damaged, or another one by now.
        """
        from mmdnet.slides.measures.stain import propose_stain

        refused = []
        for number, slide_id in enumerate(slide_ids):
            try:
                with self._services.db() as session:
                    slide = must_get(session, Slide, slide_id, "slide")
                    places = stored_places(rows.patch_rows(session, slide_id))
                progress(number / len(slide_ids), f"{slide.name}: looking at its colours")
                if slide.stain or slide.stain_certainty is not None or not places:
                    continue
                with open_stored(slide, self._services.settings) as reader:
                    proposal = propose_stain(colour_sample(reader, places, stored_grid(slide)))
            except LabError as problem:
                refused.append(str(problem))
                continue
            with self._services.db.begin() as session:
                known = session.get(Slide, slide_id)  # it may have been taken out meanwhile
                if known is not None:
                    known.proposed_stain, known.stain_certainty = proposal.stain, proposal.certainty
        return refused

    def confirm(self, slide_ids: Sequence[int], by: int | None = None) -> int:
        """Take what was proposed as the stain of those slides that have a proposal and no stain; how many.

        Args:
            by: the reader who confirms, for the project's history.
        """
        taken = 0
        with self._services.db.begin() as session:
            for slide in must_get_slides(session, slide_ids):
                if slide.stain or not slide.proposed_stain:
                    continue
                slide.stain = slide.proposed_stain
                taken += 1
                add_change(session, slide.project_id, "stain confirmed", f"{slide.name}: {slide.stain}", by)
        return taken
