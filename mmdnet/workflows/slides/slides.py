"""Slides come in: checked, surveyed, and laid with patches; and what pages show of them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from db import labels as label_rows
from db import slides as rows
from db.models import Patch, Slide
from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.pictures import SlidePictures, outlined_png
from mmdnet.workflows.slides.survey import Survey, survey
from mmdnet.workflows.views import IngestOutcome, PatchView, SlideView

if TYPE_CHECKING:
    from mmdnet.slides.facts import SlideFacts

Progress = Callable[[float, str], None]
FACTS = ("stain", "scanner", "site", "patient")
UPLOAD_LIMIT_MIB = 200
REFUSED, REFUSED_KEPT_S = "refused", 24 * 3600.0
UPLOAD_SUFFIXES = (".svs", ".tif", ".tiff", ".ndpi", ".mrxs", ".scn", ".bif", ".dcm", ".png", ".jpg", ".jpeg")


class Slides(SlidePictures):
    """Slides of a project: register, describe, show."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    # What is there

    def list(self, project_id: int) -> Sequence[SlideView]:
        with self._services.db() as session:
            return self._views(session, rows.slides_of(session, project_id))

    def get(self, slide_id: int) -> SlideView:
        with self._services.db() as session:
            return self._views(session, [must_get(session, Slide, slide_id, "slide")])[0]

    def patches(self, slide_id: int) -> Sequence[PatchView]:
        """The slide's patches, row by row."""
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            return [patch_view(slide, patch) for patch in rows.patches_of(session, slide_id)]

    def patch(self, patch_id: int) -> PatchView:
        with self._services.db() as session:
            patch = must_get(session, Patch, patch_id, "patch")
            return patch_view(must_get(session, Slide, patch.slide_id, "slide"), patch)

    def patch_at(self, slide_id: int, x_px0: float, y_px0: float) -> PatchView | None:
        """The patch that holds this point, if there is one."""
        found = self.patches_in(slide_id, x_px0, y_px0, x_px0, y_px0)
        return found[0] if found else None

    def patches_in(self, slide_id: int, x0: float, y0: float, x1: float, y1: float) -> Sequence[PatchView]:
        """The patches that meet the rectangle, given in level-0 pixels, corners in any order."""
        x0, x1 = sorted((x0, x1))
        y0, y1 = sorted((y0, y1))
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            if slide.patch_px is None:
                return []
            width, height = patch_size_px0(slide)
            low = (int(x0) - width + 1, int(y0) - height + 1)
            high = (int(x1) + 1, int(y1) + 1)
            return [patch_view(slide, patch) for patch in rows.patches_in_box(session, slide_id, low, high)]

    # Slides come in

    def submit(self, project_id: int, path: str | Path, **facts: Any) -> str:
        """Register a file or a folder in the background; the job's number.

        Raises:
            LabError: the path may not be read from.
        """
        place = self.allowed(path)
        title = f"Add {place.name}"
        spec = {"project_id": project_id, "path": str(place), "facts": _clean_facts(facts)}
        return self._jobs.submit("ingest", title, spec, project_id=project_id)

    def register(
        self, project_id: int, path: str | Path, *, progress: Progress | None = None, **facts: Any
    ) -> Sequence[IngestOutcome]:
        """Register a file, or every slide below a folder; each fails alone, with its reason.

        Raises:
            LabError: the path may not be read from, or holds no slide.
        """
        from mmdnet.slides.readers.open import discover

        given = _clean_facts(facts)
        files = discover(self.allowed(path))
        if not files:
            raise LabError(f"There is no slide in {Path(path).name}. Nothing was added.")
        outcomes = []
        for index, file in enumerate(files):

            def step(share: float, message: str, index: int = index, name: str = file.name) -> None:
                if progress:
                    progress((index + share) / len(files), f"{name}: {message}")

            outcomes.append(self._register_one(project_id, file, given, step))
        return outcomes

    def ingest(self, context: JobContext, project_id: int, path: str, facts: dict[str, Any]) -> None:
        """Register in the background; what was refused is told at the end.

        Raises:
            LabError: not one slide could be added.
        """
        outcomes = self.register(project_id, path, progress=context.progress, **facts)
        refused = [outcome.problem for outcome in outcomes if outcome.problem]
        added = len(outcomes) - len(refused)
        words = f"{added} of {len(outcomes)} slides added"
        seen = self._keep_seen(context.job_id, outcomes)
        context.progress(1.0, ". ".join([words, *refused[:20]]), added=added, refused=refused, seen=seen)
        if not added:
            raise LabError(" ".join(refused[:5]))

    def _keep_seen(self, job_id: str, outcomes: Sequence[IngestOutcome]) -> dict[str, str]:
        """Keep the pictures of slides without tissue for a day; the sentence of each, by its number."""
        folder = self._services.settings.folder("cache") / REFUSED
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.png"):
            if time.time() - old.stat().st_mtime > REFUSED_KEPT_S:
                old.unlink(missing_ok=True)
        seen = {str(number): one for number, one in enumerate(outcomes) if one.picture}
        for number, one in seen.items():
            write_aside(folder / f"{job_id}-{number}.png", one.picture or b"")
        return {number: one.problem or "" for number, one in seen.items()}

    def seen_picture(self, job_id: str, number: str) -> bytes | None:
        """What was seen of a slide that a job refused for want of tissue; None once it is no longer kept."""
        file = self._services.settings.folder("cache") / REFUSED / f"{job_id}-{number}.png"
        return file.read_bytes() if file.is_file() else None

    def upload(self, project_id: int, filename: str, data: bytes, **facts: Any) -> IngestOutcome:
        """Register a small file sent by the browser; stored under its own hash, never under the name it came with."""
        suffix = Path(filename).suffix.lower()
        name = Path(filename.replace("\\", "/")).name[:120]
        if suffix not in UPLOAD_SUFFIXES:
            return IngestOutcome(name, None, f"{name} was not added: {suffix or 'a file without ending'} is no slide.")
        if len(data) > UPLOAD_LIMIT_MIB * 2**20:
            return IngestOutcome(
                name,
                None,
                f"{name} was not added: it is over {UPLOAD_LIMIT_MIB} MiB. Put it on the server, give its path.",
            )
        target = self._services.settings.folder("uploads") / f"{hashlib.sha256(data).hexdigest()}{suffix}"
        fresh = not target.exists()
        if fresh:
            write_aside(target, data)
        outcome = self._register_one(project_id, target, _clean_facts(facts), lambda share, message: None, name=name)
        if outcome.slide_id is None and fresh:
            target.unlink(missing_ok=True)
        return outcome

    def allowed(self, path: str | Path) -> Path:
        """The resolved path, if slides may be read from there.

        Raises:
            LabError: it lies outside the allowed folders, is not there, or may not be read.
        """
        try:
            place = Path(path).expanduser().resolve()
            roots = [root.expanduser().resolve() for root in self._services.settings.slide_roots]
            inside = not roots or any(place.is_relative_to(r) for r in [*roots, self._services.settings.home.resolve()])
            if not inside:
                raise LabError(
                    f"{path} lies outside the folders slides may be read from "
                    f"({', '.join(map(str, roots))}). Nothing was added."
                )
            if not place.exists():
                raise LabError(f"{path} is not there. Check the spelling; the path is one on the server.")
            if not os.access(place, os.R_OK | (os.X_OK if place.is_dir() else 0)):
                raise PermissionError
        except (PermissionError, ValueError, OSError, RuntimeError) as error:
            raise LabError(
                f"{path} may not be read by this program. Ask for read rights; nothing was added."
            ) from error
        return place

    def _register_one(
        self, project_id: int, path: Path, facts: dict[str, Any], progress: Progress, name: str | None = None
    ) -> IngestOutcome:
        from mmdnet.slides.measures.tissue import NoTissueError

        name = name or path.name
        try:
            with self._services.db() as session:
                known = rows.slide_at(session, project_id, str(path))
            if known:
                return IngestOutcome(name, known.id, None)
            return IngestOutcome(name, self._add(project_id, path, name, facts, progress), None)
        except LabError as error:
            seen = outlined_png(error.overview, error.mask) if isinstance(error, NoTissueError) else None
            return IngestOutcome(name, None, str(error).replace(path.name, name), seen)

    def _add(self, project_id: int, path: Path, name: str, facts: dict[str, Any], progress: Progress) -> int:
        """Survey first, write last, in one transaction: a slide is in whole or not at all."""
        from mmdnet.slides.readers.open import open_slide

        mpp = facts.get("mpp")
        with open_slide(path, mpp=mpp) as reader:
            seen = reader.facts
            surveyed = None
            if mpp is not None or seen.mpp_x is not None:
                surveyed = survey(reader, self._services.settings, progress)
        row = slide_row(
            seen,
            project_id=project_id,
            name=name,
            path=str(path),
            status="ready" if surveyed else "needs_mpp",
            reason=None if surveyed else "It does not say how large its pixels are. Enter µm per pixel.",
            **{key: facts[key] for key in FACTS if facts.get(key)},
        )
        with self._services.db.begin() as session:
            twin = rows.slide_with_fingerprint(session, project_id, seen.fingerprint)
            if twin:
                raise LabError(f"{name} was not added: it is the same slide as {twin.name}, which is here already.")
            session.add(row)
            session.flush()
            if surveyed:
                write_survey(session, row, surveyed)
            return row.id

    def set_facts(self, slide_id: int, *, progress: Progress | None = None, **facts: Any) -> SlideView:
        """Change what is known of a slide. A new µm/px lays its patches anew.

        Raises:
            LabError: µm/px out of range, no tissue, or patches that carry labels already.
        """
        from mmdnet.slides.readers.open import open_slide

        given = _clean_facts(facts)
        mpp = given.pop("mpp", None)
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            labelled = rows.labelled_events(session, slide_id)
        surveyed = None
        if mpp is not None:
            if labelled:
                raise LabError(
                    f"{slide.name} has {labelled} labels laid by its present µm/px; they would point at other tissue. "
                    "Register the file in a new project to use another value."
                )
            with open_slide(slide.path, mpp=mpp) as reader:
                surveyed = survey(reader, self._services.settings, progress or (lambda share, message: None))
        with self._services.db.begin() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            for key, value in given.items():
                setattr(slide, key, value)
            if surveyed:
                slide.mpp_x = slide.mpp_y = mpp
                slide.mpp_source, slide.status, slide.reason = "person", "ready", None
                write_survey(session, slide, surveyed)
        return self.get(slide_id)

    def overrule(self, patch_id: int, use: bool) -> PatchView:
        """Use a patch that was set aside, or take that back."""
        with self._services.db.begin() as session:
            patch = must_get(session, Patch, patch_id, "patch")
            if patch.set_aside == "unreadable" and use:
                raise LabError("This patch cannot be read from the slide, so it cannot be used.")
            patch.overruled = use
        return self.patch(patch_id)

    def remove(self, slide_id: int) -> None:
        """Take a slide out of the project; its file stays where it is.

        Raises:
            LabError: it carries labels or a signed report, which are never deleted.
        """
        with self._services.db.begin() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            labels, signed = rows.labelled_events(session, slide_id), rows.signed_scores(session, slide_id)
            if labels or signed:
                raise LabError(
                    f"{slide.name} stays: it carries {labels} label events and {signed} signed reports, "
                    "and those are never deleted."
                )
            session.delete(slide)

    def _views(self, session: Session, slides: Sequence[Slide]) -> Sequence[SlideView]:
        ids = [slide.id for slide in slides]
        counts, scores = rows.patch_counts(session, ids), rows.latest_scores(session, ids)
        labelled: dict[int, int] = {}
        for project_id in {slide.project_id for slide in slides}:
            labelled |= label_rows.labelled_by_slide(session, project_id)
        columns = [name for name in SlideView.__slots__ if name not in {"patches", "usable", "labelled", "score_id"}]
        return [
            SlideView(
                **{name: getattr(slide, name) for name in columns},
                patches=counts.get(slide.id, (0, 0))[0],
                usable=counts.get(slide.id, (0, 0))[1],
                labelled=labelled.get(slide.id, 0),
                score_id=scores.get(slide.id),
            )
            for slide in slides
        ]


def patch_size_px0(slide: Slide) -> tuple[int, int]:
    """Width and height of a slide's patches in level-0 pixels, rounded for drawing."""
    assert slide.patch_px and slide.patch_mpp and slide.mpp_x and slide.mpp_y
    side_um = slide.patch_px * slide.patch_mpp
    return round(side_um / slide.mpp_x), round(side_um / slide.mpp_y)


def patch_view(slide: Slide, patch: Patch) -> PatchView:
    width, height = patch_size_px0(slide)
    return PatchView(
        id=patch.id,
        slide_id=patch.slide_id,
        row=patch.row,
        col=patch.col,
        x_px0=patch.x_px0,
        y_px0=patch.y_px0,
        width_px0=width,
        height_px0=height,
        tissue_share=patch.tissue_share,
        fat_area_share=patch.fat_area_share,
        quality=patch.quality,
        set_aside=patch.set_aside,
        overruled=patch.overruled,
    )


def slide_row(seen: SlideFacts, **stated: Any) -> Slide:
    """A slide's row of the table: what its file says, and before that what is stated; not yet in any session."""
    said = ("fingerprint", "vendor", "reader", "width_px0", "height_px0", "mpp_x", "mpp_y", "mpp_source", "objective")
    facts = {key: getattr(seen, key) for key in (*said, "simulated", *FACTS)}
    return Slide(**{"name": seen.path.name, "path": str(seen.path), **facts, **stated})


def write_survey(session: Session, slide: Slide, surveyed: Survey) -> None:
    """Put what a survey found on a slide's row, and its patches into the table."""
    slide.tissue_mm2 = surveyed.tissue_mm2
    slide.core_length_mm = surveyed.core_length_mm
    slide.fat_area_share = surveyed.fat_area_share
    slide.patch_px, slide.patch_mpp = surveyed.patch_px, surveyed.patch_mpp
    rows.replace_patches(session, slide.id, surveyed.patches)


def _clean_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Known facts only, blanks as absent, µm/px in its sane range."""
    unknown = set(facts) - {*FACTS, "mpp"}
    if unknown:
        raise LabError(f"There is no slide fact called {', '.join(sorted(unknown))}.")
    clean: dict[str, Any] = {}
    for key, value in facts.items():
        if value is None or value == "":
            continue
        if key == "mpp":
            if not 0.1 <= float(value) <= 2.0:
                raise LabError(
                    f"{value} µm per pixel cannot be right: slides lie between 0.1 and 2. Nothing was changed."
                )
            clean[key] = float(value)
        else:
            clean[key] = " ".join(str(value).split())[:80]
    return clean
