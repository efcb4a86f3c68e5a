"""The slides of a project: what is there, what comes in, what is corrected, what goes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session

from db import labels as label_rows
from db import slide_readings
from db import slides as rows
from db.models import Patch, Slide
from db.projects import add_change
from db.scores import files_of_scores, scores_of_slide
from mmdnet.errors import LabError
from mmdnet.progress import Progress, between, part_by_size, part_of, silent
from mmdnet.slides.facts import StatedFacts
from mmdnet.words import count
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.job_specs import IngestSpec
from mmdnet.workflows.jobs import MOST_REFUSALS, Jobs
from mmdnet.workflows.services import Services, copies_of, must_get, remove_from_home
from mmdnet.workflows.slides.annotations import Annotations
from mmdnet.workflows.slides.copies import Copies
from mmdnet.workflows.slides.feature_store.embedding import Embedding, embed_at_once
from mmdnet.workflows.slides.feature_store.imported_features import FeatureImport
from mmdnet.workflows.slides.fetched.place import forget
from mmdnet.workflows.slides.glass_pictures import GlassPictures
from mmdnet.workflows.slides.ingest.folders import FolderView, look_into
from mmdnet.workflows.slides.ingest.incoming import Incoming
from mmdnet.workflows.slides.ingest.paths import Paths, each_path
from mmdnet.workflows.slides.ingest.refused_pictures import RefusedPictures
from mmdnet.workflows.slides.ingest.register import (
    Place,
    allowed_path,
    allowed_place,
    register_file,
    shown_name,
    slides_at,
    tell_slide,
)
from mmdnet.workflows.slides.ingest.uploads import Uploads
from mmdnet.workflows.slides.measuring import Measuring, measure_slide
from mmdnet.workflows.slides.patients import Patients
from mmdnet.workflows.slides.pictures import SlidePictures
from mmdnet.workflows.slides.slide_reads import SlideReads
from mmdnet.workflows.slides.stains import Stains
from mmdnet.workflows.slides.tables.facts_table import FactsTables
from mmdnet.workflows.slides.views import IngestOutcome, PatchView, SlideView, patch_views, slide_view

LAYING = 0.05  # of the time that adding slides takes; the rest is measuring
REGISTERED = 0.4  # of a job that adds slides; the rest is their features
MOST_PICTURES_NAMED = 3


class Slides:
    """Use cases reachable as `lab.slides`; what slides look like is `pictures`, files of a browser are `uploads`."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs
        self.pictures = SlidePictures(services)
        self.glass_pictures = GlassPictures(services)
        self.copies = Copies(services, jobs)
        self.refused_pictures = RefusedPictures(services.settings)
        self.incoming = Incoming(services)
        self.uploads = Uploads(services)
        self.stains = Stains(services, jobs)
        self.tables = FactsTables(services)
        self.patients = Patients(services)
        self.reads = SlideReads(services)
        self.annotations = Annotations(services)
        self.measuring = Measuring(services, jobs)
        self.embedding = Embedding(services, jobs)
        self.imported = FeatureImport(services, jobs)

    # What is there

    def list(self, project_id: int, slide_ids: Collection[int] | None = None) -> Sequence[SlideView]:
        """Slides of a project by name: all, or these alone."""
        with self._services.db() as session:
            return _views(session, project_id, rows.slides_of(session, project_id, slide_ids))

    def get(self, slide_id: int) -> SlideView:
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            return _views(session, slide.project_id, [slide])[0]

    def patches(self, slide_id: int) -> Sequence[PatchView]:
        """The slide's patches, row by row."""
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            return patch_views(slide, rows.patches_of(session, slide_id))

    def patch(self, patch_id: int) -> PatchView:
        with self._services.db() as session:
            patch = must_get(session, Patch, patch_id, "patch")
            return patch_views(must_get(session, Slide, patch.slide_id, "slide"), [patch])[0]

    # Slides come in

    def submit(
        self,
        project_id: int,
        paths: Paths,
        stated: StatedFacts | None = None,
        by: int | None = None,
        left_out: Collection[str] = (),
    ) -> str:
        """Register files or folders in the background, all in one job; its number.

        Args:
            by: the reader who does it, for the project's history; so below.
            left_out: files of the folder that stay out, by their paths (see `incoming`).

        Raises:
            LabError: a path may not be read from.
        """
        first, *more = [self.place(path) for path in each_path(paths)]
        spec = IngestSpec(
            project_id=project_id,
            path=str(first),
            facts=stated or StatedFacts(),
            left_out=tuple(sorted(left_out)),
            more=tuple(map(str, more)),
        )
        what = _what([first, *more])
        job_id = self._jobs.submit(f"Add {what}", spec, project_id)
        with self._services.db.begin() as session:
            add_change(session, project_id, "slides added", what, by)
        return job_id

    def register(
        self,
        project_id: int,
        paths: Paths,
        stated: StatedFacts | None = None,
        progress: Progress = silent,
        *,
        measure: bool = True,
        left_out: Collection[str] = (),
    ) -> Sequence[IngestOutcome]:
        """Register files, and every slide below folders, but those left out; each fails alone, with its reason.

        All are laid with patches first, so that labelling may begin, and then measured; without `measure` that is
        left to `measuring`.

        Raises:
            LabError: a path may not be read from, or holds no slide.
        """
        stated = stated or StatedFacts()
        places = [self.place(path) for path in each_path(paths)]
        below = dict.fromkeys(file for place in places for file in slides_at(place))
        files = [file for file in below if str(file) not in left_out]
        if not files:
            raise LabError(
                f"There is no slide to add in {', '.join(place.name for place in places)}. Nothing was added."
            )
        laying = between(progress, 0.0, LAYING) if measure else progress
        outcomes = [
            register_file(
                self._services, project_id, file, stated, part_of(laying, number, len(files), shown_name(file.name))
            )
            for number, file in enumerate(files)
        ]
        if not measure:
            return outcomes
        rest, sizes = between(progress, LAYING, 1.0), self._sizes(outcomes)
        return [self._measured(outcome, part_by_size(rest, number, sizes)) for number, outcome in enumerate(outcomes)]

    def _sizes(self, outcomes: Sequence[IngestOutcome]) -> Sequence[int]:
        with self._services.db() as session:
            return rows.work_sizes(session, [outcome.slide_id for outcome in outcomes])

    def _measured(self, outcome: IngestOutcome, progress: Progress) -> IngestOutcome:
        """An outcome once its slide is measured; where that fails, the slide is there and the sentence is a note."""
        if outcome.slide_id is None:
            return outcome
        try:
            measure_slide(self._services, outcome.slide_id, progress)
        except LabError as error:
            return replace(outcome, notes=(*outcome.notes, str(error)))
        return replace(outcome, notes=tuple(dict.fromkeys([*outcome.notes, *self.get(outcome.slide_id).notes])))

    def _embedded(self, outcomes: Sequence[IngestOutcome], progress: Progress) -> Sequence[IngestOutcome]:
        """The outcomes once the slides' features are kept too; why one has none is a note."""
        noted, sizes = [], self._sizes(outcomes)
        for number, outcome in enumerate(outcomes):
            told = part_by_size(progress, number, sizes)
            why = embed_at_once(self._services, outcome.slide_id, told) if outcome.slide_id is not None else ""
            noted.append(replace(outcome, notes=(*outcome.notes, why)) if why else outcome)
        return noted

    def ingest(self, context: JobContext, spec: IngestSpec) -> None:
        """Register in the background; what was refused is told at the end.

        Raises:
            LabError: not one slide could be added.
        """
        registering = between(context.progress, 0.0, REGISTERED)
        paths = [spec.path, *spec.more]
        outcomes = self.register(spec.project_id, paths, spec.facts, registering, left_out=spec.left_out)
        outcomes = self._embedded(outcomes, between(context.progress, REGISTERED, 1.0))
        refused = [outcome.problem for outcome in outcomes if outcome.problem]
        added = len(outcomes) - len(refused)
        if not added and any(outcome.again for outcome in outcomes):  # the whole job may be tried again
            raise LabError(" ".join(refused[:5]))
        here = sum(outcome.was_here for outcome in outcomes)
        words = f"{added - here} of {count(len(outcomes), 'slide')} added" + (f", {here} here already" if here else "")
        seen = self.refused_pictures.keep(context.job_id, outcomes)
        told = ". ".join([words, *refused[:MOST_REFUSALS]])
        context.progress(1.0, told, added=added, refused=refused, seen=seen)
        if not added:
            raise LabError(" ".join(refused[:5]))

    def passed_over(self, paths: Paths) -> str:
        """Which plain pictures of folders do not come in, and why, in a sentence; empty where there is none."""
        from mmdnet.slides.readers.open import pictures_beside

        places = [self.place(path) for path in each_path(paths)]
        pictures = pictures_beside([place for place in places if isinstance(place, Path)])
        if not pictures:
            return ""
        names = ", ".join(shown_name(picture.name) for picture in pictures[:MOST_PICTURES_NAMED])
        more = f" and {len(pictures) - MOST_PICTURES_NAMED:,} more" if len(pictures) > MOST_PICTURES_NAMED else ""
        return (
            f"{count(len(pictures), 'plain picture')} beside the slides stayed out ({names}{more}), for there they are "
            "mostly masks or labels; give a picture's own path to add it as a slide"
        )

    def allowed(self, path: str | Path) -> Path:
        """The resolved path of a file or folder here, if slides may be read from there.

        Raises:
            LabError: it lies outside the allowed folders, is not there, or may not be read.
        """
        return allowed_path(self._services.settings, path)

    def place(self, path: str | Path) -> Place:
        """The resolved path, or the URL, if slides may be read from there.

        Raises:
            LabError: it lies outside the allowed folders and URLs, is not there, or may not be read.
        """
        return allowed_place(self._services.settings, path)

    def folder(self, path: str | None = None) -> FolderView:
        """What lies in a folder that slides may be added from; without a path, those folders themselves.

        Raises:
            LabError: it is no folder, lies outside them, or may not be read.
        """
        return look_into(self._services.settings, path)

    # Slides are corrected, and go

    def set_facts(
        self, slide_id: int, stated: StatedFacts, progress: Progress = silent, by: int | None = None
    ) -> SlideView:
        """Change what is known of a slide. A new µm/px lays its patches anew.

        Raises:
            LabError: no tissue, or patches that carry labels already.
        """
        before = self.get(slide_id)
        tell_slide(self._services, slide_id, stated, progress)
        view = self.get(slide_id)
        changed = [StatedFacts.title(name) for name in StatedFacts.names() if _fact(view, name) != _fact(before, name)]
        if changed:
            with self._services.db.begin() as session:
                add_change(session, view.project_id, "facts changed", f"{view.name}: {', '.join(changed)}", by)
        return view

    def overrule(self, patch_id: int, use: bool) -> PatchView:
        """Use a patch that was set aside, or take that back."""
        with self._services.db.begin() as session:
            patch = must_get(session, Patch, patch_id, "patch")
            if patch.set_aside == "unreadable" and use:
                raise LabError("This patch cannot be read from the slide, so it cannot be used.")
            patch.overruled = use
            return patch_views(must_get(session, Slide, patch.slide_id, "slide"), [patch])[0]

    def remove(self, slide_id: int, by: int | None = None) -> None:
        """Take a slide out of the project, with what its scores kept in files; its own file stays where it is.

        What the lab fetched or copied of it goes too, unless another project has the same slide.

        Raises:
            LabError: it carries labels, readings or a signed report, which are never deleted.
        """
        with self._services.db.begin() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            labels, signed = rows.labelled_events(session, slide_id), rows.signed_scores(session, slide_id)
            readings = slide_readings.readings_on(session, slide_id)
            if labels or signed or readings:
                raise LabError(
                    f"{slide.name} stays: it carries {count(labels, 'label event')}, {count(readings, 'reading')} of "
                    f"the whole slide and {count(signed, 'signed report')}, and those are never deleted."
                )
            copies = copies_of(self._services.settings, rows.fingerprints_only_of(session, [slide]))
            files = [*files_of_scores(scores_of_slide(session, slide_id)), *copies]
            session.delete(slide)
            add_change(session, slide.project_id, "slide taken out", slide.name, by)
            session.flush()
            path = slide.path
            alone = not rows.is_at(session, path)
        remove_from_home(self._services.settings, files)
        if alone:
            forget(self._services.settings, path)


def _what(places: Sequence[Place]) -> str:
    """What is added, for the job's title: one thing by its name, else folders by name and files by their number."""
    folders = [f"folder {place.name}" for place in places if isinstance(place, Path) and place.is_dir()]
    files = len(places) - len(folders)
    if len(places) == 1 and not folders:
        return places[0].name
    return " and ".join(filter(None, (", ".join(folders), count(files, "file") if files else "")))


def _fact(slide: SlideView, name: str) -> object:
    return slide.mpp_x if name == "mpp" else getattr(slide, name)


def _views(session: Session, project_id: int, slides: Sequence[Slide]) -> list[SlideView]:
    ids = [slide.id for slide in slides]
    counts = rows.patch_counts(session, ids)
    labelled = label_rows.labelled_by_slide(session, project_id)
    views = []
    for slide in slides:
        patches, usable = counts.get(slide.id, (0, 0))
        views.append(
            slide_view(
                slide,
                patches=patches,
                usable=usable,
                labelled=labelled.get(slide.id, 0),
            )
        )
    return views
