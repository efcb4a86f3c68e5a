"""A hub on this machine, speaking as much of the real one's language as fetching weights needs, and its ways to fail."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Repository:
    """Files by name; `refuses` answers every question with this status, `code` beside it as the hub's error code."""

    files: dict[str, bytes]
    licence: str = "apache-2.0"
    refuses: int = 0
    code: str = ""
    token: str = ""  # without it the answer is that of a gated repository
    cut: int = 0  # bytes after which the line breaks
    swapped: bytes = b""  # sent in place of the weights


@dataclass
class Hub:
    """The repositories by id, and what was asked."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def hub() -> Iterator[Hub]:
    """Serve on a free port of loopback until left."""
    there = Hub()

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, with_body: bool) -> None:
            there.asked.append(f"{self.command} {self.path}")
            parts = self.path.partition("?")[0].strip("/").split("/")
            name = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
            repository = there.repositories.get(name)
            if repository is None:
                return self.send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, with_body)
            if repository.refuses:
                said = {"X-Error-Code": repository.code} if repository.code else {}
                return self.send(repository.refuses, b"{}", said, with_body)
            given = self.headers.get("Authorization", "")
            if repository.token and given != f"Bearer {repository.token}":
                return self.send(401, b"{}", {"X-Error-Code": "GatedRepo"}, with_body)
            if parts[0] == "api":
                return self.send(200, json.dumps(described(name, repository)).encode(), {}, with_body)
            content = repository.files.get("/".join(parts[4:]))
            if content is None:
                return self.send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, with_body)
            tag = hashlib.sha256(content).hexdigest()
            if repository.swapped and parts[-1].endswith(".safetensors"):
                content = repository.swapped
            head = {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            return self.send(200, content, head, with_body, repository.cut if parts[-1] != "config.json" else 0)

        def send(self, status: int, body: bytes, head: dict[str, str], with_body: bool, cut: int = 0) -> None:
            self.send_response(status)
            for key, value in {**head, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if with_body:
                self.wfile.write(body[: cut or None])
            if cut and with_body:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    there.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()


def described(name: str, repository: Repository) -> dict[str, object]:
    """What the hub says of a repository."""
    files = [
        {
            "rfilename": file,
            "size": len(content),
            "blobId": "0" * 40,
            **(
                {"lfs": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}}
                if file != "config.json"
                else {}
            ),
        }
        for file, content in repository.files.items()
    ]
    return {
        "id": name, "modelId": name, "sha": COMMIT, "private": False, "gated": "manual" if repository.token else False,
        "tags": ["timm", f"license:{repository.licence}"], "cardData": {"license": repository.licence},
        "siblings": files, "downloads": 0, "likes": 0,
    }  # fmt: skip
