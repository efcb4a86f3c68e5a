"""Who sits at this browser: the page where one signs in, the wall before everything else, and the person of a tab.

A local account signs in on a page of ours (`/sign-in`) and gets a cookie that scripts cannot read; an identity provider
(OpenID Connect) is Streamlit's own `st.login`; a web server in front says the name in a header, and proves by a secret
of the lab that it is that server. A lab without accounts asks nobody.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import secrets
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from itsdangerous import BadData, URLSafeTimedSerializer
from jinja2 import Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from mmdnet.accounts.proxy import proxy_secret
from mmdnet.accounts.roles import Person, Proof, Refused
from mmdnet.accounts.tries import TOO_MANY, TRIES, Tries
from mmdnet.errors import LabError
from mmdnet.troubles import trouble_of
from ui.shell.access import lab_secret
from ui.shell.tokens import Grant

if TYPE_CHECKING:
    from mmdnet.workflows.lab import Lab

COOKIE = "mmdnet-sign-in"
PAGE = "/sign-in"
OPEN = (PAGE, "/healthz", "/_stcore/health", "/favicon.png")
FORM_BYTES = 4096
FROM_ANYWHERE = 4  # so many times more tries for a name by browsers it never signed in with, wherever they are
KNOWN, KNOWN_FOR_S = "mmdnet-known", 180 * 86_400  # the cookie of a browser that a name has signed in with
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
        except Exception as fault:  # the lab cannot be asked who comes: nobody gets further
            await _closed(scope, fault)(scope, receive, send)
            return
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


def _closed(scope: Scope, fault: Exception) -> ASGIApp:
    """What everybody gets while the lab cannot be asked who comes: what is wrong, and a page that looks again."""
    trouble = str(fault) if isinstance(fault, LabError) else trouble_of(fault)
    logging.getLogger("mmdnet.routes").error("nobody was let in: %s", trouble or "a fault", exc_info=trouble is None)
    problem = trouble or "The lab could not look up who you are, because of a fault in the program."
    headers = {"cache-control": "no-store", "retry-after": "5"}
    if scope["type"] == "websocket":
        return WebSocketClose(1013)  # try again later
    if "text/html" not in Headers(scope=scope).get("accept", ""):
        return JSONResponse({"problem": problem}, 503, headers)
    return HTMLResponse(_templates().get_template("sign_in.html.j2").render(problem=problem), 503, headers)


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
        self._tries = Tries()

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
        most: dict[str, int] = {}
        at: float | None = None
        try:
            most = await run_in_threadpool(lambda: limits(self.lab(), request, name))
            at = self._tries.begin(most)
            if at is None:
                return self._form(TOO_MANY, 429)
            token = await run_in_threadpool(lambda: self.lab().accounts.sign_in(name, password, code))
        except LabError as refusal:
            return self._form(str(refusal), 403)
        except Exception as fault:
            self._tries.forget(most, at or 0.0)
            trouble = trouble_of(fault)
            if trouble is None:
                raise
            return self._form(trouble, 503)
        self._tries.forget(most, at)
        answer, secure = RedirectResponse(f"{self.base}/", 303), is_secure(request)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="lax", path=f"{self.base}/", secure=secure)
        known = _known(self.lab()).dumps([name.lower(), secrets.token_urlsafe(8)])
        answer.set_cookie(
            KNOWN, known, KNOWN_FOR_S, httponly=True, samesite="strict", path=f"{self.base}{PAGE}", secure=secure
        )
        return answer

    def _form(self, problem: str = "", status: int = 200) -> Response:
        text = _templates().get_template("sign_in.html.j2").render(problem=problem, action=f"{self.base}{PAGE}")
        return HTMLResponse(text, status, {"cache-control": "no-store"})


def limits(lab: Lab, request: Request, name: str) -> dict[str, int]:
    """How many wrong tries of the last minutes there may be, by what they are counted under.

    A browser that this name has signed in with is counted for itself, so strangers who try the name keep nobody out
    ("device cookies", OWASP). All others are counted by name and address, by name, and by address.
    """
    wanted = name.lower()[:80]
    try:
        whose, browser = _known(lab).loads(request.cookies.get(KNOWN, ""), max_age=KNOWN_FOR_S)
        if whose == name.lower():
            return {f"browser {browser}": TRIES}
    except (BadData, ValueError, TypeError):
        pass
    address = came_from(lab, request)
    most = {f"name {wanted}": FROM_ANYWHERE * TRIES, f"name {wanted} from {address}": TRIES}
    return most | ({f"address {address}": TRIES} if address else {})


def came_from(lab: Lab, request: Request) -> str:
    """The address a request came from, "" where many share it: behind a web server, or on this machine.

    A web server in front is believed where it proves by the lab's secret that it is that server.
    """
    if request.headers.get(SECRET_HEADER) and _from_proxy(lab, request.headers):
        return request.headers.get("x-forwarded-for", "").split(",")[-1].strip()[:45]
    address = request.client.host if request.client else ""
    try:
        shared = ipaddress.ip_address(address).is_loopback
    except ValueError:
        shared = True
    return "" if shared or lab.settings.tls_in_front or lab.settings.proxy_header else address


def _known(lab: Lab) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(lab_secret(lab), salt="a browser that a name has signed in with")


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
