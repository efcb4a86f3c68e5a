"""Who sits at this browser: the page where one signs in, the wall before everything else, and the person of a tab.

A local account signs in on a page of ours (`/sign-in`) and gets a cookie that scripts cannot read; an identity provider
(OpenID Connect) is Streamlit's own `st.login`; a web server in front says the name in a header, and proves by a secret
of the lab that it is that server. A lab without accounts asks nobody.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mmdnet.accounts.proxy import proxy_secret
from mmdnet.accounts.roles import Person, Proof, Refused
from mmdnet.errors import LabError
from mmdnet.troubles import trouble_of
from ui.shell.tokens import Grant

if TYPE_CHECKING:
    from mmdnet.workflows.lab import Lab

COOKIE = "mmdnet-sign-in"
PAGE = "/sign-in"
OPEN = (PAGE, "/healthz", "/_stcore/health", "/favicon.png")
FORM_BYTES = 4096
TRIES, TRIES_S = 8, 300.0  # wrong passwords for one name, or from one address, in this many seconds
SECRET_HEADER = "x-lab-proxy-secret"
BY_COOKIE = (Proof.PASSWORD, Proof.PASSWORD_AND_CODE)
"""Sign-ins that a cookie may stand for: what stands for the others is made of names and times, and can be guessed."""

LabGetter = Callable[[], "Lab"]
ACTING: ContextVar[Person | None] = ContextVar("acting", default=None)
"""Whose request one of our own routes answers."""


def provider_configured() -> bool:
    """Whether Streamlit knows an identity provider (the section [auth] of its secrets)."""
    import streamlit as st

    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def person_of(lab: Lab, cookies: Mapping[str, str], headers: Mapping[str, str]) -> Person | None:
    """Whose cookie, or whose header from the web server in front, this is; None where it is nobody's.

    An identity provider's sign-in is known to Streamlit's pages alone: see `ui.shell.session`.
    """
    if name := lab.settings.proxy_header:
        if not _from_proxy(lab, headers):
            return None
        who = headers.get(name.lower(), "") or headers.get(name, "")
        return _by_proxy(lab, who) if who else None
    known = lab.accounts.person(token) if (token := cookies.get(COOKIE, "")) else None
    return known if known is not None and known.proof in BY_COOKIE else None


def _from_proxy(lab: Lab, headers: Mapping[str, str]) -> bool:
    given = headers.get(SECRET_HEADER, "") or headers.get(SECRET_HEADER.title(), "")
    return hmac.compare_digest(given.encode("utf-8", "replace"), proxy_secret(lab.settings.home).encode())


def _by_proxy(lab: Lab, who: str) -> Person | None:
    """The person a web server names; one sign-in a day, since it asks each time."""
    from datetime import UTC, datetime

    today = datetime.now(UTC)
    token = f"proxy {who} {today:%Y-%m-%d}"
    known = lab.accounts.person(token)
    if known is None:
        made = lab.accounts.sign_in_elsewhere([who], Proof.PROXY, token, today)
        known = lab.accounts.person(made) if made else None
    return known


class Wall:
    """Lets nobody further who has not signed in, once the lab has accounts: no page, no socket, no upload.

    With an identity provider Streamlit's own page has to be reached first; its pages then ask (`ui.shell.frame`).
    """

    def __init__(self, app: ASGIApp, lab_getter: LabGetter, base: str = "", provider: bool = False) -> None:
        self.app, self.lab_getter, self.base, self.provider = app, lab_getter, base, provider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(self.base)
        if scope["type"] not in ("http", "websocket") or path in OPEN or path.startswith("/api/") or self.provider:
            await self.app(scope, receive, send)  # /api/ has a guard of its own
            return
        try:
            allowed = await run_in_threadpool(self._allowed, scope)
        except Exception:  # the lab cannot be opened: the page says so
            allowed = True
        if allowed:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", ""):
            await RedirectResponse(f"{self.base}{PAGE}", 303, {"cache-control": "no-store"})(scope, receive, send)
        else:
            answer = JSONResponse({"problem": "Sign in first."}, 401, {"cache-control": "no-store"})
            await answer(scope, receive, send)

    def _allowed(self, scope: Scope) -> bool:
        lab, asks = self.lab_getter(), HTTPConnection(scope)
        return not asked(lab) or person_of(lab, asks.cookies, asks.headers) is not None


def asked(lab: Lab) -> bool:
    """Whether this lab asks who comes."""
    return bool(lab.settings.proxy_header) or lab.accounts.asked()


def person_granted(lab: Lab, grant: Grant) -> Person | None:
    """Whose page a token was made for, as things are now; None where the lab asks nobody.

    Raises:
        PermissionError: the sign-in has ended.
    """
    if not asked(lab):
        return None
    person = lab.accounts.person_by_id(grant.sign_in_id) if grant.sign_in_id else None
    if person is None:
        raise PermissionError("You are not signed in any more. Reload the page.")
    return person


def lab_for_request(lab_getter: LabGetter) -> LabGetter:
    """The lab as whoever asks one of our routes may use it."""

    def for_request() -> Lab:
        from mmdnet.workflows.guarded import guarded

        opened, person = lab_getter(), ACTING.get()
        if person is not None:
            return guarded(opened, person)
        if asked(opened):
            raise Refused("Sign in first. Nothing was changed.")
        return opened

    return for_request


class _SignIn:
    """The page where one signs in by a local account."""

    def __init__(self, lab_getter: LabGetter, base: str) -> None:
        self.lab, self.base = lab_getter, base
        self._missed: dict[str, list[float]] = {}

    async def page(self, request: Request) -> Response:
        """The form."""
        return self._form()

    async def sign_in(self, request: Request) -> Response:
        """Take the form; a cookie and the way to the lab, or the form again with the reason."""
        from urllib.parse import parse_qs

        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > FORM_BYTES:
                return self._form("This was too long to be a name and a password.", 413)
        sent = parse_qs(body.decode("utf-8", "replace"))
        name, password, code = (sent.get(field, [""])[0] for field in ("name", "password", "code"))
        came_from = request.client.host if request.client else ""
        names = (f"name {name.lower()[:80]}", f"address {came_from}")
        asked_at = time.monotonic()
        if any(len(self._lately(key)) >= TRIES for key in names):
            return self._form("Too many wrong tries. Wait five minutes, then try again.", 429)
        for key in names:  # before it is looked at: tries sent at once are counted too
            self._missed.setdefault(key, []).append(asked_at)
        try:
            token = await run_in_threadpool(lambda: self.lab().accounts.sign_in(name, password, code))
        except LabError as refusal:
            return self._form(str(refusal), 403)
        except Exception as fault:
            self._forget(names, asked_at)
            trouble = trouble_of(fault)
            if trouble is None:
                raise
            return self._form(trouble, 503)
        self._forget(names, asked_at)
        answer = RedirectResponse(f"{self.base}/", 303)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="lax", path=f"{self.base}/", secure=is_secure(request))
        return answer

    def _forget(self, keys: Iterable[str], asked_at: float) -> None:
        """This try was not a wrong one."""
        for key in keys:
            if asked_at in self._missed.get(key, []):
                self._missed[key].remove(asked_at)

    def _lately(self, key: str) -> list[float]:
        """Wrong tries of the last minutes."""
        if len(self._missed) > 10_000:
            self._missed.clear()
        since = time.monotonic() - TRIES_S
        recent = [moment for moment in self._missed.get(key, []) if moment > since]
        if recent:
            self._missed[key] = recent
        else:
            self._missed.pop(key, None)
        return recent

    def _form(self, problem: str = "", status: int = 200) -> Response:
        text = _templates().get_template("sign_in.html.j2").render(problem=problem, action=f"{self.base}{PAGE}")
        return HTMLResponse(text, status, {"cache-control": "no-store"})


def is_secure(request: Request) -> bool:
    """Whether the browser came by TLS, here or at the web server in front."""
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"


def _templates() -> Environment:
    return Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)


def sign_in_routes(lab_getter: LabGetter, base: str = "") -> list[Route]:
    """The routes `app.py` mounts."""
    work = _SignIn(lab_getter, base)
    return [
        Route(PAGE, work.page, methods=["GET"]),
        Route(PAGE, work.sign_in, methods=["POST"]),
    ]
