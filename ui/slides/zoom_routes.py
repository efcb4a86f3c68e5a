"""HTTP routes of slides: small pictures, tiles, what is laid over them, and the viewer's library from its own folder.

Tiles and pictures are closed like everything under `/api/` (see `ui.shell.routes`): a token of this lab, and only the
project it names. The library is the same published code for everyone and stands outside.
"""

from __future__ import annotations

import json
import mimetypes
import re
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.settings import PROJECT_ROOT
from ui.server.bodies import number_in_path
from ui.shell.routes import PICTURE_HEADERS, LabGetter, answering, grant_of
from ui.shell.session import lab_of_server
from ui.shell.sign_in import lab_for_request

if TYPE_CHECKING:
    from mmdnet.workflows.lab import Lab

LIBRARY = (PROJECT_ROOT / "node_modules" / "openseadragon" / "build" / "openseadragon").resolve()
LIBRARY_AT = "/viewer-library"
PICTURES_AT = "/api/zoom/picture"
PLAIN_NAME = re.compile(r"[A-Za-z0-9_./-]{1,100}")
HEAT_PX = 2048
LISTED_PX = 160
SCALE_HEADER = "x-map-scale"
KNOWN_FOR_S = 10.0  # how long "this slide is of that project" is believed without asking again: a view is 30 tiles


class _Routes:
    def __init__(self, lab_getter: LabGetter) -> None:
        self.lab = lab_getter
        self._projects: dict[int, tuple[int, float]] = {}

    def _see(self, project_id: int, slide_id: int) -> Lab:
        """The lab, if the slide is of the project the token names."""
        opened = self.lab()
        known, asked = self._projects.get(slide_id, (0, -KNOWN_FOR_S))
        if time.monotonic() - asked > KNOWN_FOR_S:
            known = opened.slides.get(slide_id).project_id
            self._projects[slide_id] = (known, time.monotonic())
        if known != project_id:
            raise PermissionError("This slide belongs to another project.")
        return opened

    async def tile(self, request: Request) -> Response:
        """One JPEG tile of a slide's deep zoom."""
        project_id = grant_of(request).project_id
        slide_id, level, col, row = (number_in_path(request, name) for name in ("slide", "level", "col", "row"))

        def draw() -> bytes:
            return self._see(project_id, slide_id).slides.pictures.zoom_tile(slide_id, level, col, row)

        return await _picture("image/jpeg", draw)

    async def picture(self, request: Request) -> Response:
        """A whole slide, small, as lists show it."""
        slide_id, project_id = number_in_path(request, "slide"), grant_of(request).project_id
        return await _picture(
            "image/jpeg", lambda: self._see(project_id, slide_id).slides.pictures.thumbnail(slide_id, LISTED_PX)
        )

    async def tissue(self, request: Request) -> Response:
        """A slide's tissue mask as a PNG over the whole slide."""
        slide_id, project_id = number_in_path(request, "slide"), grant_of(request).project_id
        return await _picture(
            "image/png", lambda: self._see(project_id, slide_id).slides.pictures.tissue_overlay(slide_id)
        )

    async def heat(self, request: Request) -> Response:
        """A feature's attention map of a scored slide, as a PNG over the whole slide, its scale beside it as JSON."""
        score_id, task = number_in_path(request, "score"), request.path_params["task"]
        project_id = grant_of(request).project_id
        if task not in TASK_NAMES:
            raise LabError("There is no such feature.")

        def draw() -> tuple[bytes, str]:
            opened = self.lab()
            self._see(project_id, opened.scoring.get(score_id).slide_id)
            map_png, legend = opened.reports.heat(score_id, task, HEAT_PX)
            return map_png, json.dumps(asdict(legend))

        picture, scale = await run_in_threadpool(draw)
        return Response(picture, media_type="image/png", headers={**PICTURE_HEADERS, SCALE_HEADER: scale})


async def _picture(kind: str, draw: Callable[[], bytes]) -> Response:
    return Response(await run_in_threadpool(draw), media_type=kind, headers=PICTURE_HEADERS)


async def _library(request: Request) -> Response:
    """A file of the viewer's library, from where `npm ci` put it."""
    name = request.path_params["name"]
    file = (LIBRARY / name).resolve() if PLAIN_NAME.fullmatch(name) else LIBRARY
    if not file.is_relative_to(LIBRARY) or not file.is_file():
        return PlainTextResponse("There is no such file.", status_code=404)
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return FileResponse(file, media_type=kind, headers={"cache-control": "public, max-age=86400"})


def zoom_routes(lab_getter: LabGetter = lab_of_server) -> list[Route]:
    """The routes `app.py` mounts; they need the guard of `ui.shell.routes.middleware`."""
    work = _Routes(lab_for_request(lab_getter))
    return [
        Route("/api/zoom/slide/{slide}/{level}/{col}_{row}.jpg", answering(work.tile)),
        Route(f"{PICTURES_AT}/{{slide}}.jpg", answering(work.picture)),
        Route("/api/zoom/tissue/{slide}.png", answering(work.tissue)),
        Route("/api/zoom/heat/{score}/{task}.png", answering(work.heat)),
        Route(f"{LIBRARY_AT}/{{name:path}}", _library),
    ]
