"""A web server of slides on this machine: it knows ranges and versions, and may be slow, away, or send elsewhere."""

import hashlib
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest


class Shelf:
    """What the server has by path, and how it behaves."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        self.breaks_after: int | None = None  # bytes of an answer, then the connection is cut
        self.silent_s = 0.0
        self.go_on = threading.Event()  # after the first MiB
        self.go_on.set()
        self.bare = False  # says no version
        self.off = 0  # bytes that an answer begins beside the place it was asked for
        self.status: int | None = None
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}/liver"

    def start(self) -> None:
        shelf = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(body=False)

            def do_GET(self) -> None:
                self._answer(body=True)

            def _answer(self, body: bool) -> None:
                path, ranged = unquote(self.path), self.headers.get("Range")
                shelf.asked.append((self.command, path, ranged))
                data = shelf.files.get(path)
                time.sleep(shelf.silent_s)
                if shelf.status or data is None:
                    self.send_response(shelf.status or 404)
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                start = int(re.fullmatch(r"bytes=(\d+)-", ranged)[1]) if ranged else 0
                self.send_response(206 if ranged else 200)
                self.send_header("Content-Length", str(len(data) - start))
                if ranged:
                    self.send_header("Content-Range", f"bytes {start + shelf.off}-{len(data) - 1}/{len(data)}")
                if not shelf.bare:
                    self.send_header("ETag", hashlib.md5(data, usedforsecurity=False).hexdigest())
                self.end_headers()
                if not body:
                    return
                end = len(data) if shelf.breaks_after is None else start + shelf.breaks_after
                for place in range(start, min(end, len(data)), 2**20):
                    self.wfile.write(data[place : min(end, place + 2**20)])
                    shelf.go_on.wait(30)

            def log_message(self, *words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def shelf(monkeypatch):
    from mmdnet.workflows.slides.fetched import place

    monkeypatch.setattr(place, "BELIEVED_S", 0.0)
    server = Shelf()
    server.start()
    yield server
    server.stop()
