"""De-identified copies of slides, made in the background; they lie in the lab's folder `copies`, named by nobody.

A copy goes with its slide when that is taken out of the lab.
"""

from __future__ import annotations

from db.jobs import jobs_of_spec
from db.models import Slide
from mmdnet.settings import COPIES
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.job_specs import DeidentifySpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.services import Services, copy_name, must_get
from mmdnet.workflows.slides.fetched.place import slide_file
from mmdnet.workflows.slides.stored_geometry import open_stored
from mmdnet.workflows.views import JobView


class Copies:
    """Reachable as `lab.slides.copies`."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def submit(self, slide_id: int) -> str:
        """Copy a slide without label, macro and what identifies a patient, in the background; the job's number."""
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
        spec = DeidentifySpec(slide_id=slide_id)
        return self._jobs.submit(f"De-identified copy of {slide.name}", spec, slide.project_id)

    def job(self, slide_id: int) -> JobView | None:
        """The newest job that was to copy this very slide; None where there was none."""
        spec = DeidentifySpec(slide_id=slide_id)
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            known = jobs_of_spec(session, slide.project_id, spec.kind, spec.model_dump(mode="json"))
        return self._jobs.get(known[0]) if known else None

    def run(self, context: JobContext, slide_id: int) -> None:
        """Do it, and say where the copy lies; one that was made before stays.

        Raises:
            LabError: a format of which it cannot be shown, no room, or a file that is gone or another one by now.
        """
        from mmdnet.slides.deidentify import deidentify

        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
        settings = self._services.settings
        with open_stored(slide, settings, context.progress) as opened:
            dicom = opened.facts.series is not None
        with slide_file(settings, slide.path, context.progress) as path:
            name = f"{copy_name(slide.fingerprint)}{'' if dicom else path.suffix.lower()}"
            out = settings.folder(COPIES) / name
            context.progress(0.0, "Copying tiles and reading them back")
            left_out = () if out.exists() else deidentify(path, out).left_out
        told = f"The copy lies on the server at {out}"
        context.progress(1.0, f"{told}, without {', '.join(left_out)}" if left_out else told)
