"""In front of every answer: unknown hosts, other pages, closed paths and too long bodies are refused; headers stand."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from ui.server import door
from ui.server.door import HEADERS, Door, base_path, why_not_here

HERE = "http://127.0.0.1:8501"


async def whole(request):
    return PlainTextResponse(str(len(await request.body())))


async def socket(websocket):
    await websocket.accept()
    await websocket.send_text("in")
    await websocket.close()


PATHS = ["/", "/_stcore/metrics", "/_stcore/health", "/healthz", "/api/patch/1.jpg", "/_stcore/upload_file/a/b"]
inner = Starlette(routes=[*(Route(path, whole, methods=["GET", "POST", "PUT"]) for path in PATHS), WebSocketRoute("/_stcore/stream", socket)])  # fmt: skip
client = TestClient(Door(inner, hosts=["localhost", "127.0.0.1"], most_bytes=1000), base_url=HERE)


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_keeps_the_page_from_frames_and_from_loading_anything_from_elsewhere(path):
    answer = client.get(path)
    assert {name.decode(): value.decode() for name, value in HEADERS.items()}.items() <= dict(answer.headers).items()
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert answer.status_code == (404 if path == "/_stcore/metrics" else 200)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "[::1", "[::1]"]
)
def test_a_host_that_is_not_named_gets_nothing_but_health(host):
    assert client.get("/", headers={"host": host}).status_code == 400
    assert client.get("/healthz", headers={"host": host}).status_code == 200


ELSEWHERE = [
    {"origin": "http://evil.example"},
    {"origin": "http://127.0.0.1:9999"},  # another program on this machine
    {"origin": "http://localhost:8501"},
    {"origin": "null"},
    {"origin": HERE, "sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site"},
]


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_other_pages_get_no_socket_and_change_nothing(headers):
    with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect("/_stcore/stream", headers=headers):
        pass
    assert refused.value.code == 1008
    assert client.post("/_stcore/upload_file/a/b", headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"origin": HERE}, {"origin": HERE, "sec-fetch-site": "same-origin"}])
def test_our_own_pages_are_let_in(headers):
    with client.websocket_connect("/_stcore/stream", headers={"host": "127.0.0.1:8501"} | headers) as opened:
        assert opened.receive_text() == "in"
    assert client.post("/_stcore/upload_file/a/b", headers=headers, content=b"x").text == "1"


def test_a_body_over_the_limit_is_refused_by_its_length_or_as_soon_as_it_is_too_long(monkeypatch):
    answer = client.put("/", content=b"x", headers={"content-length": str(400 * 2**20)})
    assert answer.status_code == 413 and "Too much" in answer.json()["problem"]
    assert client.put("/", content=b"x", headers={"content-length": "9" * 5000}).status_code == 413
    monkeypatch.setattr(door, "ROOM_BYTES", 0)
    small = TestClient(Door(inner, most_bytes=1000), base_url=HERE)
    assert small.put("/", content=(b"y" * 400 for _ in range(9))).status_code == 413
    assert small.put("/", content=(b"y" * 400 for _ in range(2))).text == "800"


def test_a_body_that_stands_still_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(door, "PATIENCE_S", 0.05)
    sent = []

    async def silent():
        await asyncio.sleep(60)

    async def answer(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b"", "http_version": "1.1"}
    asyncio.run(Door(inner)(scope, silent, answer))
    assert sent[0]["status"] == 408


def test_behind_a_sub_path_the_same_is_closed():
    behind = TestClient(Door(inner, base="/lab"), base_url=HERE)
    assert behind.get("/lab/_stcore/metrics").json()["problem"] == "There is nothing here."


@pytest.mark.parametrize(
    ("configured", "path"), [(None, ""), ("", ""), ("/", ""), ("lab", "/lab"), ("/a/b/", "/a/b"), ("a//b", "/a/b")]
)
def test_a_sub_path_is_written_in_one_way(configured, path):
    assert base_path(configured) == path


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.8.8"])
def test_this_machine_is_allowed(address):
    assert why_not_here(address) is None


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.5", "lab.hospital.example"])
def test_beyond_this_machine_the_server_does_not_start_without_sign_in(address):
    assert "nobody signs in" in why_not_here(address)


def test_beyond_this_machine_it_starts_with_sign_in_encryption_and_names_and_says_what_is_missing():
    given = {"signs_in": True, "encrypted": True, "hosts": ["localhost", "lab.example"]}
    assert why_not_here("0.0.0.0", **given) is None
    for lacking, said in (("signs_in", "nobody signs in"), ("encrypted", "unencrypted"), ("hosts", "by which names")):
        refusal = why_not_here("0.0.0.0", **(given | {lacking: False if lacking != "hosts" else ["127.0.0.1"]}))
        assert said in refusal and refusal.count(";") == 0 and "Nothing was started" in refusal
