"""What stands in front of everything this server answers, Streamlit's own answers included.

Requests are let in for the hosts that are named (`server.allowedHosts`) and, where a browser says where it comes from,
from our own pages alone: another local port is another page, too. What is too long is refused by its stated length and
what does not arrive is not waited for. Answers carry the headers that keep a page from being framed, from loading
anything from elsewhere and from being taken for another kind of file.

Beyond this machine the server starts only where people sign in, what goes over the wire is encrypted (here, or by a web
server in front) and the names it answers to are given. A proxy may forward to it (`server.baseUrlPath` is followed).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.server.bodies import TOO_MUCH, TOO_SLOW

log = logging.getLogger("mmdnet.routes")

PATIENCE_S = 30.0  # between two pieces of a body
ROOM_BYTES = 2**20  # what a form adds to the file in it
CLOSED = ("/_stcore/metrics", "/_stcore/script-health-check")
WATCHED = ("/healthz", "/_stcore/health")  # for whoever watches the machine, under whatever name
CHANGING = ("POST", "PUT", "PATCH", "DELETE")

# Streamlit draws with inline styles, frames older components from here, makes modules of blobs and compiles charts;
# nothing comes from elsewhere.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-frame-options": b"SAMEORIGIN",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
}


def base_path(configured: str | None) -> str:
    """`server.baseUrlPath` as what goes before every path: "" or "/lab"."""
    return "".join(f"/{part}" for part in (configured or "").split("/") if part)


def under_base(path: str) -> str:
    """A path of ours as the browser must ask for it: behind a proxy's sub-path, if there is one."""
    import streamlit as st

    return f"{base_path(st.get_option('server.baseUrlPath'))}{path}"


def why_not_here(
    address: str | None, signs_in: bool = False, encrypted: bool = False, hosts: Sequence[str] = ()
) -> str | None:
    """Why the server must not listen at this address (`server.address`); None where it may.

    Args:
        signs_in: whether the lab asks who comes.
        encrypted: whether TLS is spoken here, or a web server in front was said to (`MMDNET_TLS_IN_FRONT`).
        hosts: the names it answers to (`server.allowedHosts`).
    """
    name = (address or "").strip().strip("[]")
    if _is_here(name):
        return None
    where = f"at {name}" if name else "at every address of this machine"
    missing = [
        *([] if signs_in else ["nobody signs in: whoever came could label and sign as anybody (mmdnet accounts add)"]),
        *([] if encrypted else ["passwords would go unencrypted (server.sslCertFile, or MMDNET_TLS_IN_FRONT=1)"]),
        *(
            []
            if any(not _is_here(host) for host in hosts)
            else ["it was not said by which names it is reached (server.allowedHosts)"]
        ),
    ]
    if not missing:
        return None
    return (
        f"The lab was asked to listen {where}, where other machines reach it, and {'; '.join(missing)}. Mend that, or "
        "leave --server.address at 127.0.0.1 (see docs/security.md). Nothing was started."
    )


def _is_here(name: str) -> bool:
    """Whether a name or address is this machine's own alone."""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Door:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, base: str = "", hosts: Sequence[str] = (), most_bytes: int = 200 * 2**20) -> None:
        self.app, self.base, self.most_bytes = app, base, most_bytes + ROOM_BYTES
        self.hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self.refusal(scope)
        if scope["type"] == "websocket":
            if refusal is None:
                await self.app(scope, receive, send)
                return
            _log(scope, refusal[1])
            await send({"type": "websocket.close", "code": 1008})  # before it was accepted: the browser sees 403
            return
        if refusal is not None:
            status, words = refusal
            _log(scope, words)
            await JSONResponse({"problem": words}, status)(scope, receive, _closing(send))
            return
        await self._answer(scope, receive, _closing(send))

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason for what is not let in."""
        headers, path = Headers(scope=scope), scope["path"].removeprefix(self.base)
        if path in CLOSED:
            return 404, "There is nothing here."
        if path not in WATCHED and self.hosts and _name(headers.get("host", "")) not in self.hosts:
            return 400, "This server was asked for by a name it does not know."
        changes = scope["type"] == "websocket" or scope["method"] in CHANGING
        if changes and not from_our_pages(headers):
            return 403, "This request comes from another page and was refused."
        stated = headers.get("content-length", "0")
        if not (stated.isascii() and stated.isdecimal() and len(stated) < 19 and int(stated) <= self.most_bytes):
            return 413, TOO_MUCH
        return None

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through; a body that stands still or grows too long ends as if the browser had gone."""
        whole, length, cut = scope["method"] not in CHANGING, 0, ""

        async def listen() -> Message:
            nonlocal whole, length, cut
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), PATIENCE_S)
                length += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                cut = TOO_MUCH if length > self.most_bytes else ""
            except TimeoutError:
                cut = TOO_SLOW
            return {"type": "http.disconnect"} if cut else message

        async def tell(message: Message) -> None:
            if not cut:  # else what the application makes of the end is not for anybody
                await send(message)

        try:
            await self.app(scope, listen, tell)
        except ClientDisconnect:
            if not cut:
                raise
        if cut:
            _log(scope, cut)
            await JSONResponse({"problem": cut}, 413 if cut == TOO_MUCH else 408)(scope, receive, send)


def from_our_pages(headers: Headers) -> bool:
    """Whether the browser says that one of our own pages asks; where it says nothing, other things decide."""
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _name(host: str) -> str:
    """A host without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _closing(send: Send) -> Send:
    async def send_closed(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message.get("headers", [])}
            extra = [(name, value) for name, value in HEADERS.items() if name not in given]
            message["headers"] = [*message.get("headers", []), *extra]
        await send(message)

    return send_closed


def _log(scope: Scope, words: str) -> None:
    came_from = (scope.get("client") or ("an unknown address",))[0]
    log.warning("refused %s %s from %s: %s", scope.get("method", "a socket"), scope["path"][:200], came_from, words)
