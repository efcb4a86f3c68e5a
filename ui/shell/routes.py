"""Our own HTTP routes beside Streamlit's: the guard of all of them, and pictures (see also `ui.label.routes`).

Everything under `/api/` is closed: the guard lets a request in only with a token of this lab (a header, never part of
an address) and, where the browser says where it comes from, from our own pages. What a token allows is checked again
at each route, pictures included. Nothing here tells a reader about another reader's labels.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmdnet.errors import LabError, NotNowError
from mmdnet.troubles import trouble_of
from ui.server.bodies import MOST_DIGITS, number_in_path
from ui.server.door import Door, base_path, from_our_pages
from ui.shell.access import lab_secret
from ui.shell.literal import plain
from ui.shell.session import lab_of_server
from ui.shell.sign_in import ACTING, Wall, lab_for_request, person_granted, provider_configured
from ui.shell.tokens import Grant, TokenRefused, read

if TYPE_CHECKING:
    from mmdnet.workflows.health import HealthView
    from mmdnet.workflows.lab import Lab

log = logging.getLogger("mmdnet.routes")

PREFIX = "/api/"
TOKEN_HEADER = "x-lab-token"
PICTURE_HEADERS = {"cache-control": "private, max-age=3600", "vary": TOKEN_HEADER}

LabGetter = Callable[[], "Lab"]


class Guard:
    """Lets a request for `/api/` in only with a valid token and from our own pages; its grant goes with the request."""

    def __init__(self, app: ASGIApp, lab_getter: LabGetter = lab_of_server, base: str = "") -> None:
        self.app = app
        self.prefix = f"{base}{PREFIX}"
        self.lab_getter = lab_getter
        self._secret: bytes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self.prefix):
            await self.app(scope, receive, send)
            return
        try:
            if self._secret is None:  # the first request may have to open the lab
                self._secret = await run_in_threadpool(lambda: lab_secret(self.lab_getter()))
            grant = _grant_in(Headers(scope=scope), self._secret)
            scope.setdefault("state", {})["grant"] = grant
            ACTING.set(await run_in_threadpool(lambda: person_granted(self.lab_getter(), grant)))
        except (TokenRefused, PermissionError) as refusal:
            came_from = (scope.get("client") or ("an unknown address",))[0]
            log.warning("refused %s %s from %s: %s", scope["method"], scope["path"], came_from, refusal)
            status = 401 if isinstance(refusal, TokenRefused) else 403
            await JSONResponse({"problem": str(refusal)}, status)(scope, receive, send)
            return
        except Exception as fault:  # the lab cannot be opened
            await failed(scope["path"], fault)(scope, receive, send)
            return

        async def send_closed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                extra = [(b"cross-origin-resource-policy", b"same-origin")]
                if b"cache-control" not in given:
                    extra.append((b"cache-control", b"no-store"))
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self.app(scope, receive, send_closed)


def _grant_in(headers: Headers, secret: bytes) -> Grant:
    if not from_our_pages(headers):
        raise PermissionError("This request comes from another page and was refused.")
    return read(secret, headers.get(TOKEN_HEADER, ""))


def grant_of(request: Request, role: str = "view") -> Grant:
    """What the request's token allows.

    Raises:
        PermissionError: the role is not granted. Labelling includes viewing.
    """
    grant: Grant = request.state.grant
    if grant.role not in ("view", "label"):
        raise PermissionError("This page may not look.")
    if role == "label" and (grant.role != "label" or grant.reader_id is None or grant.session_id is None):
        raise PermissionError("This page may look, but not label.")
    return grant


def answering(work: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """A route whose refusals become a sentence and a status, 503 where it may go by itself later; faults are logged."""

    async def route(request: Request) -> Response:
        try:
            return await work(request)
        except PermissionError as refusal:
            log.warning("refused %s to %s: %s", request.url.path, _who(request), refusal)
            return JSONResponse({"problem": plain(str(refusal))}, 403)
        except LabError as refusal:
            log.warning("refused %s to %s: %s", request.url.path, _who(request), refusal)
            return JSONResponse({"problem": plain(str(refusal))}, 503 if isinstance(refusal, NotNowError) else 400)
        except Exception as fault:
            return failed(request.url.path, fault)

    return route


def failed(path: str, fault: Exception) -> Response:
    """What is answered when it was neither asked wrongly nor refused: 503 while disk or database are away, else 500."""
    trouble = str(fault) if isinstance(fault, LabError) else trouble_of(fault)
    if trouble is not None:
        log.error(
            "%s could not be answered: %s (%s)", path, trouble, getattr(fault, "orig", fault)
        )  # no SQL: it holds labels
        return JSONResponse({"problem": trouble}, 503, {"retry-after": "5"})
    log.error("%s failed", path, exc_info=fault)
    return JSONResponse({"problem": "The lab could not answer because of a fault in the program."}, 500)


def _who(request: Request) -> str:
    """Who asks, for the log: the token says it, never the message."""
    grant: Grant = request.state.grant
    return "a viewer" if grant.reader_id is None else f"reader {grant.reader_id} of session {grant.session_id}"


def number_of(request: Request, name: str, default: int, low: int, high: int) -> int:
    """A whole number from the request's address, within its limits; LabError if it is none."""
    value = request.query_params.get(name, str(default))
    if not (value.isascii() and value.isdecimal() and len(value) <= MOST_DIGITS and low <= int(value) <= high):
        raise LabError(f"{name} must be a whole number from {low} to {high}.")
    return int(value)


class _Pictures:
    """Pictures of patches and slides; all of it that touches database or slides runs in a thread."""

    def __init__(self, lab_getter: LabGetter) -> None:
        self.lab = lab_getter

    async def patch(self, request: Request) -> Response:
        """A patch, or `context` times its width around it, as JPEG."""
        grant, patch_id = grant_of(request), number_in_path(request, "patch_id")
        context = number_of(request, "context", 1, 1, 5)

        def draw() -> bytes:
            opened = self.lab()
            if opened.labels.sessions.project_of(patch_id) != grant.project_id:
                raise PermissionError("This patch belongs to another project.")
            return opened.slides.pictures.patch_jpeg(patch_id, context=context, px=897 if context > 1 else None)

        return Response(await run_in_threadpool(draw), media_type="image/jpeg", headers=PICTURE_HEADERS)

    async def slide(self, request: Request) -> Response:
        """A small overview of a slide as JPEG."""
        grant, slide_id = grant_of(request), number_in_path(request, "slide_id")

        def draw() -> bytes:
            opened = self.lab()
            if opened.slides.get(slide_id).project_id != grant.project_id:
                raise PermissionError("This slide belongs to another project.")
            return opened.slides.pictures.thumbnail(slide_id, max_px=600)

        return Response(await run_in_threadpool(draw), media_type="image/jpeg", headers=PICTURE_HEADERS)


class _Health:
    """For whoever watches over the machine: no token is asked, and nothing of the lab is told."""

    def __init__(self, lab_getter: LabGetter) -> None:
        self.lab = lab_getter

    async def answer(self, request: Request) -> Response:
        """200 where all is well, else 503; database, queue, disk and worker each "ok" or what is wrong."""

        def ask() -> HealthView:
            return self.lab().health.now()

        try:
            view = await run_in_threadpool(ask)
        except Exception as fault:
            return failed(request.url.path, fault)
        told = {"ok": view.ok, "database": view.database, "queue": view.queue}
        told |= {"disk": view.disk, "worker": view.worker}
        return JSONResponse(told, 200 if view.ok else 503, {"cache-control": "no-store"})


def routes(lab_getter: LabGetter = lab_of_server) -> list[Route]:
    """The routes of pictures `app.py` mounts; they need the guard of `middleware`."""
    work = _Pictures(lab_for_request(lab_getter))
    return [
        Route("/healthz", _Health(lab_getter).answer, methods=["GET"]),
        Route("/api/patch/{patch_id}.jpg", answering(work.patch)),
        Route("/api/slide/{slide_id}.jpg", answering(work.slide)),
    ]


def middleware(lab_getter: LabGetter = lab_of_server, base: str | None = "", **door: Any) -> list[Middleware]:
    """The door in front of everything (see `ui.server.door.Door` for `door`), and the guard of all under `/api/`."""
    path = base_path(base)
    return [
        Middleware(Door, base=path, **door),
        Middleware(Wall, lab_getter=lab_getter, base=path, provider=provider_configured()),
        Middleware(Guard, lab_getter=lab_getter, base=path),
    ]


def at_base(listed: Sequence[Route], base: str | None) -> list[Route]:
    """The same routes behind the sub-path that the server is reached by (`server.baseUrlPath`)."""
    path = base_path(base)
    return [Route(f"{path}{route.path}", route.endpoint, methods=list(route.methods or ())) for route in listed]
