"""Streamlit's own page and scripts as this server gives them out: small, and without requests that cannot be answered.

Streamlit serves its scripts uncompressed and leaves that to a web server in front; here each is compressed once, by
Brotli for who takes it (browsers do on this machine and over TLS), a tenth to a sixth smaller than by gzip. Its client
looks for the server below the address of the page before it looks at the root, two requests that end in 404 at every
visit: the page tells it where the server is (`window.__streamlit`, as hosts of Streamlit do). Of one press it makes
several entries of the browser's history: `history.js` makes them one. `tabbing.js` mends how keys go from field to
field, `one_theme.js` where the theme is kept, `side_bar.js` folds the side bar on a tablet, `load_again.js` opens a
page again whose client failed, `memory` tells who reads in the tab. Scripts that are needed soon come with the page's
own. Until the scripts are there the page says that it is being opened.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import cache, lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.shell.pages import PAGES

HELD = "public, immutable, max-age=31536000"  # as Streamlit says of them: their names carry their hash
BROTLI_LEVEL = 9  # the largest script in half a second, once; 10 takes ten times as long
KINDS = {".js": "text/javascript", ".css": "text/css"}
BEFORE_STREAMLIT = {  # scripts that run first, each with its call
    "history.js": "oneStepAPress(window)",
    "tabbing.js": "tabToFields(window)",
    "one_theme.js": "oneTheme(localStorage, location.pathname)",
    "side_bar.js": "foldOnTablets(window)",
    "groups.js": "nameGroups(window)",
    "memory/remembered.js": "tellReader(window)",
    "load_again.js": "loadAgain(window)",
}
SOON = ("Html", "BidiComponent", "Button", "Selectbox", "ButtonGroup", "Checkbox", "DownloadButton", "ImageList")
"""Streamlit's elements that every page or the report needs. Its client fetches each when first drawn, shows nothing in
its place, and React shows it 300 ms after that nothing at the soonest: the head of a report waited so, and its map
twice. They are fetched with the page's own scripts and run while the socket is being opened."""
NEIGHBOUR = re.compile(r"""(?:from|import)["']\./([\w.$-]+\.js)["']""")
ROOT = '<div id="root"></div>'
OPENING = (  # in the place of what Streamlit draws there; in the browser's own theme
    '<div id="root"><div role="status" style="color-scheme: light dark; background: Canvas; color: CanvasText; '
    'min-height: 100vh; font: 1rem/1.5 sans-serif"><div style="max-width: 36rem; margin: auto; padding: 20vh 1.5rem">'
    "<b>MMD-Net lab</b><br>The page is being opened. The first one after the lab was started takes longest: up to "
    "half a minute on a busy machine.</div></div></div>"
)
ADDRESSES = {"", "/", *(f"/{listed.name}" for listed in PAGES)}
FIRST = f"/{PAGES[0].name}"  # to Streamlit the first page is at the root alone: this address it calls "not found"


def _streamlit_folder() -> Path:
    import streamlit

    return Path(streamlit.__file__).parent / "static"


@lru_cache(maxsize=1)
def scripts() -> dict[str, Path]:
    """Streamlit's scripts and styles, by the path they are asked for."""
    folder = _streamlit_folder()
    return {f"/{file.relative_to(folder).as_posix()}": file for file in folder.rglob("*") if file.suffix in KINDS}


@cache
def _compressed(file: Path, coding: str) -> bytes:
    if coding == "br":
        import imagecodecs

        return bytes(imagecodecs.brotli_encode(file.read_bytes(), level=BROTLI_LEVEL))
    return gzip.compress(file.read_bytes(), 9, mtime=0)


@lru_cache(maxsize=2)
def page_at(base: str, at_once: bool = False) -> str:
    """Streamlit's page, which says that its server is below this path of the same origin.

    Args:
        at_once: the socket is opened without asking before what the server allows other origins (nothing) to do.
    """
    html = (_streamlit_folder() / "index.html").read_text("utf-8")
    told = f"BACKEND_BASE_URL: location.origin + {json.dumps(f'{base}/')}"
    if at_once:
        told += ", HOST_CONFIG: { allowedOrigins: [location.origin], useExternalAuthToken: false }"
    first = "".join(f'<script type="module">{_script(name)}{call}</script>' for name, call in BEFORE_STREAMLIT.items())
    page = html.replace("<head>", f"<head><script>window.__streamlit = {{ {told} }}</script>{first}", 1)
    page = page.replace("</head>", f"{_soon(html)}</head>", 1)
    return page.replace("<title>Streamlit</title>", "<title>MMD-Net lab</title>").replace(ROOT, OPENING, 1)


def _soon(html: str) -> str:
    """Tags that fetch the scripts of `SOON` with all they import, and run them after the page's own (`html`)."""
    by_name = {file.name: file for path, file in scripts().items() if path.startswith("/static/js/")}
    entries = [next(name for name in sorted(by_name) if name.startswith(f"{element}.")) for element in SOON]
    wanted: dict[str, None] = {}
    left = list(entries)
    while left:
        name = left.pop(0)
        if name not in wanted and name not in html:
            wanted[name] = None
            left += NEIGHBOUR.findall(by_name[name].read_text("utf-8"))
    fetched = "".join(f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in wanted)
    run = "".join(f'import "./static/js/{name}";' for name in entries)
    return f'{fetched}<script type="module">{run}</script>'


def _script(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")


class Front:
    """Answers for the page and its scripts; everything else goes on to Streamlit."""

    def __init__(self, app: ASGIApp, base: str = "", at_once: bool = False) -> None:
        self.app, self.base, self.at_once = app, base, at_once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        await (answer or self.app)(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response | None:
        path = scope["path"].removeprefix(self.base)
        if path == FIRST:
            asked = scope["query_string"].decode("ascii", "replace")
            return RedirectResponse(f"{self.base}/{'?' * bool(asked)}{asked}")
        if path in ADDRESSES:
            return HTMLResponse(page_at(self.base, self.at_once), headers={"cache-control": "no-cache"})
        file = scripts().get(path)
        takes = {taken.strip() for taken in Headers(scope=scope).get("accept-encoding", "").lower().split(",")}
        coding = next((known for known in ("br", "gzip") if known in takes), None)
        if file is None or coding is None:
            return None
        body = await run_in_threadpool(_compressed, file, coding)
        headers = {"cache-control": HELD, "content-encoding": coding, "vary": "accept-encoding"}
        return Response(body, headers=headers, media_type=KINDS[file.suffix])
