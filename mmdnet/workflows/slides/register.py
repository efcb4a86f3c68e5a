"""A slide's file comes in: allowed, opened, surveyed, and written as one row with its patches, or refused in words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from db import slides as rows
from db.models import Slide
from mmdnet.errors import LabError
from mmdnet.progress import Progress
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.pictures import outlined_png
from mmdnet.workflows.slides.survey import Survey, survey
from mmdnet.workflows.slides.views import IngestOutcome

if TYPE_CHECKING:
    from mmdnet.slides.facts import FileFacts

NEEDS_MPP = "It does not say how large its pixels are. Enter µm per pixel."


def allowed_path(settings: Settings, path: str | Path) -> Path:
    """The resolved path, if slides may be read from there.

    Raises:
        LabError: it lies outside the allowed folders, is not there, or may not be read.
    """
    try:
        resolved = Path(path).expanduser().resolve()
        roots = [root.expanduser().resolve() for root in settings.slide_roots]
        inside = not roots or any(resolved.is_relative_to(root) for root in [*roots, settings.home.resolve()])
        if not inside:
            raise LabError(
                f"{path} lies outside the folders slides may be read from "
                f"({', '.join(map(str, roots))}). Nothing was added."
            )
        if not resolved.exists():
            raise LabError(f"{path} is not there. Check the spelling; the path is one on the server.")
        if not os.access(resolved, os.R_OK | (os.X_OK if resolved.is_dir() else 0)):
            raise PermissionError
    except (PermissionError, ValueError, OSError, RuntimeError) as error:
        raise LabError(f"{path} may not be read by this program. Ask for read rights; nothing was added.") from error
    return resolved


def register_file(
    services: Services, project_id: int, path: Path, stated: StatedFacts, progress: Progress, name: str | None = None
) -> IngestOutcome:
    """Register one slide; what cannot come in is refused in a sentence. A slide of that path is there already: itself.

    Args:
        name: what people call it, where that is not the file's name.
    """
    from mmdnet.slides.measures.tissue import NoTissueError

    name = name or path.name
    try:
        with services.db() as session:
            known = rows.slide_at(session, project_id, str(path))
        if known:
            return IngestOutcome(name, known.id, None)
        return IngestOutcome(name, _add(services, project_id, path, name, stated, progress), None)
    except LabError as error:
        seen = outlined_png(error.overview, error.mask) if isinstance(error, NoTissueError) else None
        return IngestOutcome(name, None, str(error).replace(path.name, name), seen)


def _add(services: Services, project_id: int, path: Path, name: str, stated: StatedFacts, progress: Progress) -> int:
    """Survey first, write last, in one transaction: a slide is in whole or not at all."""
    from mmdnet.slides.readers.open import open_slide

    with open_slide(path, mpp=stated.mpp) as reader:
        facts = reader.facts.with_stated(stated)
        surveyed = None if facts.mpp_x is None else survey(reader, services.settings, progress)
    row = slide_row(facts, project_id=project_id, name=name, path=str(path), reason=None if surveyed else NEEDS_MPP)
    with services.db.begin() as session:
        twin = rows.slide_with_fingerprint(session, project_id, facts.fingerprint)
        if twin:
            raise LabError(f"{name} was not added: it is the same slide as {twin.name}, which is here already.")
        session.add(row)
        session.flush()
        if surveyed:
            write_survey(session, row, surveyed)
        return row.id


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
    rows.replace_patches(session, slide.id, [patch.columns() for patch in surveyed.patches])
