"""A slide's file comes in: allowed, opened, surveyed, and written as one row with its patches, or refused in words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from db import slides as rows
from db.models import Slide
from mmdnet.errors import LabError, NotNowError
from mmdnet.progress import Progress, between
from mmdnet.settings import SLIDES_IN_HOME, Settings
from mmdnet.slides.facts import SAME_SCALE, SlideFacts, StatedFacts, scale_not_used
from mmdnet.slides.slide_url import SlideUrl, is_url
from mmdnet.words import count
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.fetched.place import allowed_url, is_gone, open_file, urls_at
from mmdnet.workflows.slides.ingest.paths import as_typed
from mmdnet.workflows.slides.ingest.survey import Survey, lay_out
from mmdnet.workflows.slides.pictures import outlined_png
from mmdnet.workflows.slides.stored_geometry import open_stored
from mmdnet.workflows.slides.stores import with_reduced
from mmdnet.workflows.slides.views import IngestOutcome

if TYPE_CHECKING:
    from mmdnet.slides.facts import FileFacts

Place = Path | SlideUrl
NEEDS_MPP = "It does not say how large its pixels are. Enter µm per pixel."


def allowed_path(settings: Settings, path: str | Path) -> Path:
    """The resolved path, if slides may be read from there; text is read as a person types it (see `as_typed`).

    Raises:
        LabError: it lies outside the allowed folders, is not there, or may not be read.
    """
    if isinstance(path, str):
        path = as_typed(path)
    roots = [root.expanduser().resolve() for root in settings.slide_roots]
    own = [settings.home.resolve() / name for name in SLIDES_IN_HOME]
    try:
        resolved = Path(path).expanduser().resolve()
        inside = not roots or any(resolved.is_relative_to(root) for root in [*roots, *own])
    except (ValueError, OSError, RuntimeError) as error:
        inside = False
        if not roots:
            raise LabError(f"{path} may not be read by this program. Check the spelling; nothing was added.") from error
    if not inside:  # one sentence, whatever is there: nobody learns from it which files this machine has
        raise LabError(
            f"{path} does not lie in a folder that slides may be added from: {', '.join(map(str, roots))}. Put the "
            "slides there, or have whoever runs the lab name their folder with --slides. Nothing was added."
        )
    try:
        if not resolved.exists():
            raise LabError(f"{path} is not there. Check the spelling; the path is one on the server.")
        if not os.access(resolved, os.R_OK | (os.X_OK if resolved.is_dir() else 0)):
            raise PermissionError
    except (PermissionError, ValueError, OSError, RuntimeError) as error:
        raise LabError(f"{path} may not be read by this program. Ask for read rights; nothing was added.") from error
    return resolved


def allowed_place(settings: Settings, path: str | Path | SlideUrl) -> Place:
    """The path of a file or folder, or the URL, if slides may be read from there.

    Raises:
        LabError: it lies outside the allowed folders and URLs, is not there, or may not be read.
    """
    written = as_typed(path) if isinstance(path, str) else str(path)
    if not is_url(written):
        return allowed_path(settings, written)
    return allowed_url(settings, written)


def slides_at(place: Place) -> Sequence[Place]:
    """Slides at or below a path or URL, sorted; see `discover`.

    Raises:
        LabError: nothing there, no rights, no slide below it, or a slide that cannot be fetched alone.
    """
    from mmdnet.slides.readers.open import discover

    return urls_at(place) if isinstance(place, SlideUrl) else discover(place)


def register_file(
    services: Services, project_id: int, path: Place, stated: StatedFacts, progress: Progress, name: str | None = None
) -> IngestOutcome:
    """Register one slide: its patches are laid, and measured later (`measuring`). What cannot come in is refused.

    A slide of that path is there already: itself, with what is stated now and was not known.

    Args:
        name: what people call it, where that is not the file's name.
    """
    from mmdnet.slides.measures.tissue import NoTissueError

    name = name or path.name
    try:
        check_name(path)
        with services.db() as session:
            known = rows.slide_at(session, project_id, str(path))
        if known:
            _check_unchanged(services, known, progress)
            told = tell_slide(services, known.id, stated, progress)
            here = f"It was here already, as {known.name}."
            return IngestOutcome(name, known.id, None, notes=(here, *told), was_here=True)
        slide_id, notes = _add(services, project_id, path, name, stated, progress)
        return IngestOutcome(name, slide_id, None, notes=notes)
    except LabError as error:
        seen = outlined_png(error.overview, error.mask) if isinstance(error, NoTissueError) else None
        again = isinstance(error, NotNowError)
        return IngestOutcome(shown_name(name), None, str(error).replace(path.name, name), picture=seen, again=again)


def _check_unchanged(services: Services, slide: Slide, progress: Progress) -> None:
    """Look into a file that was written since its slide was added.

    Raises:
        LabError: it is another one now, or gone.
    """
    if is_gone(slide.path):
        return
    if is_url(slide.path) or Path(slide.path).stat().st_ctime > slide.created_at.timestamp():
        open_stored(slide, services.settings, progress).close()


def shown_name(name: str) -> str:
    """A file's name as it can be shown and stored: bytes that are no text become question marks."""
    return name.encode("utf-8", "replace").decode("utf-8")


def check_name(path: Place) -> None:
    """Refuse a name that cannot be stored.

    Raises:
        LabError: it is not UTF-8.
    """
    if shown_name(str(path)) != str(path):
        raise LabError(
            f"{shown_name(path.name)} was not added: its name, or its folder's, holds letters that are not UTF-8. "
            "Rename it. Nothing was changed."
        )


def tell_slide(services: Services, slide_id: int, stated: StatedFacts, progress: Progress) -> tuple[str, ...]:
    """Take what a person says of a slide that is there; sentences on what was not taken.

    A scale lays its patches, or lays them anew where none of them is labelled.

    Raises:
        LabError: no tissue, or the slide has labels laid by another scale.
    """
    with services.db() as session:
        slide = must_get(session, Slide, slide_id, "slide")
        labelled = rows.labelled_events(session, slide_id)
    told = slide.facts.with_stated(stated)
    notes = _not_taken(slide.facts, stated)
    laid = None
    if (told.mpp_x, told.mpp_y) != (slide.mpp_x, slide.mpp_y):
        if labelled:
            raise LabError(
                f"{slide.name} has {count(labelled, 'label')} laid by its present µm/px, which would point at other "
                "tissue. "
                "Register the file in a new project to use another value."
            )
        with with_reduced(open_stored(slide, services.settings, progress, told), services.settings) as reader:
            laid = lay_out(reader, services.settings, progress)
    with services.db.begin() as session:
        slide = must_get(session, Slide, slide_id, "slide")
        slide.facts = told
        if laid:
            write_survey(session, slide, laid)
    return notes


def _not_taken(known: SlideFacts, stated: StatedFacts) -> tuple[str, ...]:
    if stated.mpp is None or stated.overrule_scale or known.mpp_x is None or known.mpp_source == "person":
        return ()
    if abs(stated.mpp / known.mpp_x - 1) < SAME_SCALE:
        return ()
    return (scale_not_used(known.mpp_x, stated.mpp),)


def _add(
    services: Services, project_id: int, path: Place, name: str, stated: StatedFacts, progress: Progress
) -> tuple[int, tuple[str, ...]]:
    """Look first, write last, in one transaction: a slide is in whole or not at all."""
    from mmdnet.slides.readers.open import open_slide

    open_at = partial(open_slide, mpp=stated.mpp, overrule=stated.overrule_scale)
    fetching, laying = between(progress, 0.0, 0.5), between(progress, 0.5, 1.0)
    if not isinstance(path, SlideUrl):
        laying = progress
    with open_file(services.settings, path, open_at, fetching) as opened:
        facts, laid = opened.facts.with_stated(stated), None
        with services.db() as session:  # before its tissue is looked for, which takes longer
            _refuse_twin(name, rows.slide_with_fingerprint(session, project_id, facts.fingerprint), facts)
        if facts.mpp_x is not None:
            laid = lay_out(with_reduced(opened, services.settings), services.settings, laying)
    row = slide_row(facts, project_id=project_id, name=name, path=str(path), reason=None if laid else NEEDS_MPP)
    row.notes = list(facts.notes)
    with services.db.begin() as session:
        twin = rows.slide_with_fingerprint(session, project_id, facts.fingerprint)
        part = twin or (same_series(rows.slides_of(session, project_id), facts) if facts.series is not None else None)
        _refuse_twin(name, twin, facts)
        if part and part.width_px0 < facts.width_px0:
            _take_finer(session, part, row, name)
        elif part:
            return part.id, ()  # another file of a slide that is here
        else:
            session.add(row)
            session.flush()
        slide = part or row
        if laid:
            write_survey(session, slide, laid)
        return slide.id, tuple(slide.notes)


def _refuse_twin(name: str, twin: Slide | None, facts: FileFacts) -> None:
    """Refuse a file that is a slide of the project already; files of one DICOM slide are several.

    Raises:
        LabError: so it is.
    """
    if twin is None or facts.series is not None:
        return
    moved = f" Its file is no longer at {twin.path}: relink it to this one." if is_gone(twin.path) else ""
    raise LabError(f"{name} was not added: it is the same slide as {twin.name}, which is here already.{moved}")


def same_series(slides: Sequence[Slide], facts: FileFacts) -> Slide | None:
    """Which of some slides is another file of this DICOM slide."""
    from mmdnet.slides.readers.dicom import series_of

    if facts.series is None:
        return None
    like = (slide for slide in slides if slide.vendor == facts.vendor)
    return next((slide for slide in like if series_of(Path(slide.path)) == facts.series), None)


def _take_finer(session: Session, slide: Slide, finer: Slide, name: str) -> None:
    """Put the finest level of a DICOM slide, which came after its coarser ones, in the place of what was there.

    Raises:
        LabError: labels or a signed report belong to the coarser levels.
    """
    if rows.labelled_events(session, slide.id) or rows.signed_scores(session, slide.id):
        raise LabError(
            f"{name} was not added: it is a finer level of {slide.name}, which is here and carries labels or a signed "
            "report. Register all files of the slide in a new project. Nothing was changed."
        )
    slide.facts, slide.path, slide.notes = finer.facts, finer.path, finer.notes
    slide.status, slide.reason = finer.status, finer.reason
    slide.patch_px = slide.patch_mpp = slide.tissue_mm2 = slide.fat_area_share = None
    rows.replace_patches(session, slide.id, [])


def slide_row(
    facts: FileFacts, *, project_id: int, name: str | None = None, path: str | None = None, reason: str | None = None
) -> Slide:
    """A slide's row of the table, not yet in any session; with a `reason` it waits for its µm/px, else it is ready."""
    return Slide(
        facts=facts.kept(),
        project_id=project_id,
        name=name or facts.path.name,
        path=path or str(facts.path),
        status="needs_mpp" if reason else "ready",
        reason=reason,
    )


def write_survey(session: Session, slide: Slide, surveyed: Survey) -> None:
    """Put what a survey found on a slide's row, and its patches into the table."""
    slide.tissue_mm2 = surveyed.tissue_mm2
    slide.core_length_mm = surveyed.core_length_mm
    slide.fat_area_share = surveyed.fat_area_share
    slide.patch_px, slide.patch_mpp = surveyed.patch_px, surveyed.patch_mpp
    slide.status, slide.reason = "ready", None
    slide.measured = surveyed.measured
    if surveyed.stain is not None:
        slide.proposed_stain, slide.stain_certainty = surveyed.stain.stain, surveyed.stain.certainty
    slide.notes = list(dict.fromkeys([*slide.notes, *surveyed.notes]))
    rows.replace_patches(session, slide.id, [patch.columns() for patch in surveyed.patches])
