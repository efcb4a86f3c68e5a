"""A real server closes a connection whose request does not arrive, and keeps those whose requests do."""

import socket
import threading
import time

import pytest
import uvicorn

from ui.server import patience


async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port(monkeypatch):
    monkeypatch.setattr(patience, "HEAD_S", 0.3)
    patience.close_half_sent()
    patience.close_half_sent()  # the application may be loaded twice
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_half_sent_head_is_not_waited_for(port, begun):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(begun)
        assert connection.recv(10) == b""


def test_a_second_request_on_a_connection_is_answered_and_its_half_is_not_waited_for(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            heard = b""
            while not heard.endswith(b"ok"):
                heard += connection.recv(4096)
            time.sleep(0.4)  # longer than a head may take: nothing was begun meanwhile
        connection.sendall(b"GET / HT")
        assert connection.recv(10) == b""
