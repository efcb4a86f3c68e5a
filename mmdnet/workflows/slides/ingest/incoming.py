"""What files are before they come in: new, here already, moved, changed, or called as another one; and the moved found.

Only a file's head and sixteen blocks of it are read, so a folder is looked at in the time of a few patches.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from db import slides as rows
from db.models import Project, Slide
from db.projects import add_change
from mmdnet.errors import LabError
from mmdnet.progress import Progress, silent
from mmdnet.settings import Settings
from mmdnet.slides.slide_url import SlideUrl
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.fetched.place import look_at, open_file
from mmdnet.workflows.slides.fetched.servers import AwayError
from mmdnet.workflows.slides.ingest.paths import Paths, each_path
from mmdnet.workflows.slides.ingest.register import (
    Place,
    allowed_place,
    check_name,
    same_series,
    shown_name,
    slides_at,
)
from mmdnet.workflows.slides.stored_geometry import open_stored, what_changed

if TYPE_CHECKING:
    from mmdnet.slides.facts import FileFacts

IncomingKind = Literal[
    "new", "here", "part", "moved", "same_name", "elsewhere", "picture", "copy", "changed", "refused"
]
Choice = Literal["add", "relink", "skip"]

CHOICES: dict[IncomingKind, tuple[Choice, ...]] = {
    "new": ("add",),
    "here": ("add",),  # takes what is stated now, and nothing else
    "part": ("add",),
    "moved": ("relink", "skip"),
    "same_name": ("add", "skip"),
    "elsewhere": ("add", "skip"),
    "picture": ("skip", "add"),
    "copy": ("skip",),
    "changed": ("skip",),
    "refused": ("skip",),
}
"""What can be done with a file of each kind, what is proposed first."""


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """A file that may come in.

    Attributes:
        says: what it is, in one sentence; "" for a new one.
        slide_id: the project's slide that it is, or stands in the way of.
    """

    path: str
    name: str
    kind: IncomingKind
    says: str = ""
    slide_id: int | None = None

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What can be done with it, what is proposed first."""
        return CHOICES[self.kind]


class Incoming:
    """Reachable as `lab.slides.incoming`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def look(
        self,
        project_id: int | None,
        paths: Paths,
        project_ids: Collection[int] = (),
        progress: Progress = silent,
    ) -> Sequence[IncomingFile]:
        """What files, and every slide below folders, are to a project and to each other, before anything is added.

        Plain pictures beside a folder's slides are told too, as what they mostly are.

        Args:
            project_id: None for a project that is still to be made.
            paths: a file or a folder, or several; what lies under two of them is told once.
            project_ids: further projects whose slides are compared.

        Raises:
            LabError: a path may not be read from, or holds no slide.
        """
        from mmdnet.slides.readers.open import pictures_beside

        places = [allowed_place(self._services.settings, path) for path in each_path(paths)]
        files = list(dict.fromkeys(file for place in places for file in slides_at(place)))
        named = set(places)  # of what its server listed it is known that it is there
        with self._services.db() as session:
            wanted = set(project_ids) | ({project_id} if project_id is not None else set())
            known = _Known(self._services.settings, project_id, rows.slides_of_projects(session, wanted))
            names = {key: must_get(session, Project, key, "project").name for key in wanted}
            found = []
            for number, file in enumerate(files):
                progress(number / len(files), f"{shown_name(file.name)}: is it here already?")
                found.append(known.told(file, names, listed=file not in named))
        return [*found, *known.beside(pictures_beside([place for place in places if isinstance(place, Path)]))]

    def relink(self, slide_id: int, path: str | Path, by: int | None = None) -> None:
        """Say where a slide's file lies now; everything measured, labelled and scored stays, and so does its name.

        Raises:
            LabError: the path may not be read from, holds another file, or is another slide's.
        """
        from mmdnet.slides.readers.open import open_slide

        settings = self._services.settings
        place = allowed_place(settings, path)
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            other = rows.slide_at(session, slide.project_id, str(place))
        if other is not None and other.id != slide_id:
            raise LabError(f"{place.name} is the file of {other.name}, another slide here. Nothing was changed.")
        mpp = slide.facts.stated_mpp
        open_at = partial(open_slide, mpp=mpp, overrule=mpp is not None)
        with open_file(settings, place, open_at) as opened:
            problem = what_changed(slide, opened.facts)
        if problem is not None:
            raise LabError(
                f"{place.name} is not the file that {slide.name} was added from ({problem}). Name the file itself, "
                "wherever it lies now, or add this one as a slide of its own. Nothing was changed."
            )
        with self._services.db.begin() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            slide.path = str(place)
            add_change(session, slide.project_id, "file found again", f"{slide.name}: {place.name}", by)


class _Known:
    """Slides that are there, and files that come in with the one that is looked at."""

    def __init__(self, settings: Settings, project_id: int | None, slides: Sequence[Slide]) -> None:
        self._settings = settings
        self._slides = [slide for slide in slides if slide.project_id == project_id]
        self._others = [slide for slide in slides if slide.project_id != project_id]
        self._coming: dict[str, Place] = {}  # by fingerprint

    def told(self, file: Place, projects: dict[int, str], *, listed: bool = False) -> IncomingFile:
        """What one file is; `projects` are names by number. What is still to be fetched is known by its URL alone."""
        from mmdnet.slides.readers.open import open_slide

        name = shown_name(file.name)
        if isinstance(file, SlideUrl):
            return self._by_url(file, listed)
        try:
            check_name(file)
            with open_slide(file) as opened:
                facts = opened.facts
        except LabError as refusal:
            return IncomingFile(shown_name(str(file)), name, "refused", str(refusal))
        kind, says, slide_id = self._of(file, name, facts, projects)
        self._coming.setdefault(facts.fingerprint, file)
        return IncomingFile(str(file), name, kind, says, slide_id)

    def beside(self, pictures: Sequence[Path]) -> list[IncomingFile]:
        """Pictures that lie beside slides, but those that came in as slides themselves."""
        here = {slide.path for slide in self._slides}
        says = "{} is a plain picture beside slides, and so most likely a mask or a label."
        names = [(str(file), shown_name(file.name)) for file in pictures if str(file) not in here]
        return [IncomingFile(path, name, "picture", says.format(name)) for path, name in names]

    def _by_url(self, url: SlideUrl, listed: bool) -> IncomingFile:
        """What a slide on a server is, without its bytes: whether it is there and may be read, and whether known."""
        there = next((slide for slide in self._slides if slide.path == str(url)), None)
        if there is not None:
            return IncomingFile(str(url), url.name, "here", f"{url.name} is here already, as {there.name}.", there.id)
        try:
            if not listed:
                look_at(self._settings, url)
        except LabError as refusal:
            return IncomingFile(str(url), url.name, "refused", str(refusal))
        return IncomingFile(str(url), url.name, "new")

    def _of(
        self, file: Place, name: str, facts: FileFacts, projects: dict[int, str]
    ) -> tuple[IncomingKind, str, int | None]:
        there = next((slide for slide in self._slides if slide.path == str(file)), None)
        if there is not None:
            return _at_its_place(name, there, facts)
        twin = next((slide for slide in self._slides if _same(slide, facts)), None)
        if twin is not None and _is_there(twin, self._settings):
            return "copy", f"{name} is a copy of {twin.name}, which is here already with {twin.path}.", twin.id
        if facts.fingerprint in self._coming:
            first = self._coming[facts.fingerprint]
            return "copy", f"{name} is a copy of {first}, which comes in now.", None
        if twin is not None:
            return "moved", f"{name} is {twin.name}, whose file is no longer at {twin.path}.", twin.id
        part = same_series(self._slides, facts)
        if part is not None:
            return "part", f"{name} is another file of {part.name}, which is here.", part.id
        return self._by_name(file, name, facts, projects)

    def _by_name(
        self, file: Place, name: str, facts: FileFacts, projects: dict[int, str]
    ) -> tuple[IncomingKind, str, int | None]:
        """What is new to the project, and still to be told apart."""
        namesake = next((slide.path for slide in self._slides if slide.name == name), None) or next(
            (str(other) for other in self._coming.values() if other.name == file.name), None
        )
        if namesake is not None:
            return "same_name", f"{name} has other content than {namesake}, which has the same name.", None
        for slide in self._others:
            where = projects[slide.project_id]
            if _same(slide, facts):
                return "elsewhere", f"{name} is in the project {where} already, as {slide.name}.", None
            if slide.name == name:
                return (
                    "elsewhere",
                    f"{name} is not the slide of that name in the project {where}.",
                    None,
                )
        return "new", "", None


def _same(slide: Slide, facts: FileFacts) -> bool:
    return slide.fingerprint in {facts.fingerprint, facts.former_fingerprint}


def _is_there(slide: Slide, settings: Settings) -> bool:
    """Whether a slide's file still lies where it was added from, and is the same."""
    try:
        open_stored(slide, settings).close()
    except AwayError:  # it may still be there
        return True
    except LabError:
        return False
    return True


def _at_its_place(name: str, slide: Slide, facts: FileFacts) -> tuple[IncomingKind, str, int | None]:
    if _same(slide, facts):
        return "here", f"{name} is here already, as {slide.name}.", slide.id
    return (
        "changed",
        f"{name} has other content than when {slide.name} was added from that place. Give the new file a name of its "
        "own, or take the slide out first.",
        slide.id,
    )
