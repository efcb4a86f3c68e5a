"""The page where one signs in, and the wall before everything else."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from mmdnet.accounts.proxy import proxy_secret
from mmdnet.accounts.roles import Proof, Role
from mmdnet.errors import LabError
from ui.shell.routes import middleware, routes
from ui.shell.sign_in import COOKIE, KNOWN, TRIES, came_from, limits, sign_in_routes

PASSWORD = "correct horse battery"
HTML = {"accept": "text/html"}


@pytest.fixture
def client(lab):
    async def socket(websocket):
        await websocket.accept()
        await websocket.send_text("in")

    async def page(request):
        return PlainTextResponse("the lab")

    listed = [
        *routes(lambda: lab),
        *sign_in_routes(lambda: lab),
        Route("/", page),
        Route("/_stcore/upload_file/x", page, methods=["PUT"]),
        WebSocketRoute("/_stcore/stream", socket),
    ]
    app = Starlette(routes=listed, middleware=middleware(lambda: lab))
    return TestClient(app, base_url="http://127.0.0.1:8501", follow_redirects=False)


@pytest.fixture
def ada(lab):
    account = lab.accounts.add("Ada", PASSWORD)
    return lab.accounts.grant(account.id, Role.ADMIN)


def sign_in(client, name="Ada", password=PASSWORD, **more):
    return client.post("/sign-in", data={"name": name, "password": password, **more})


def reached(client):
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    try:
        with client.websocket_connect("/_stcore/stream", headers={"cookie": cookies} if cookies else {}) as socket:
            return socket.receive_text() == "in"
    except WebSocketDisconnect:
        return False


def test_a_lab_without_accounts_asks_nobody(client):
    assert client.get("/", headers=HTML).text == "the lab" and reached(client)


def test_nobody_gets_past_the_wall_but_to_the_form_and_to_health(client, ada):
    answer = client.get("/", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert client.get("/").status_code == 401
    assert client.put("/_stcore/upload_file/x").status_code == 401
    assert not reached(client)
    form = client.get("/sign-in")
    assert form.status_code == 200 and "Password" in form.text and form.headers["cache-control"] == "no-store"
    assert "mmdnet:unsent:" in form.text, "what the last person filled in and did not send goes from the tab"


def test_who_signs_in_gets_a_cookie_that_scripts_cannot_read_and_comes_in(client, lab, ada):
    answer = sign_in(client)
    cookie = answer.headers["set-cookie"].lower()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "httponly" in cookie and "samesite=lax" in cookie
    assert client.get("/", headers=HTML).text == "the lab" and reached(client)
    lab.accounts.end(lab.accounts.sign_ins()[0].id)
    assert client.get("/").status_code == 401 and not reached(client)


@pytest.mark.parametrize("cookie", ["", "x", "é", "a" * 4000, "' OR 1=1 --"])
def test_a_cookie_of_nobodys_opens_nothing(client, ada, cookie):
    client.cookies.set(COOKIE, cookie)
    assert client.get("/", headers={"cookie": f"{COOKIE}={cookie}".encode("latin-1")}).status_code == 401


def test_what_is_not_right_comes_back_as_one_sentence_and_a_name_is_text(client, ada):
    answer = sign_in(client, "<b>Ada</b>", "wrong")
    assert answer.status_code == 403 and "is not right" in answer.text and "<b>" not in answer.text
    assert "set-cookie" not in answer.headers
    assert client.post("/sign-in", content=b"x" * 5000).status_code == 413
    for body in (b"", b"name=%ff%fe&password=%00", b"&" * 100, b"=" * 50):
        assert client.post("/sign-in", content=body).status_code == 403


def test_too_many_wrong_tries_are_made_to_wait(client, ada):
    for _ in range(TRIES):
        assert sign_in(client, password="wrong").status_code == 403
    assert sign_in(client).status_code == 429


def test_a_stranger_who_tries_a_name_keeps_nobody_out_who_has_signed_in_before(client, ada):
    assert sign_in(client).status_code == 303
    known = {KNOWN: client.cookies[KNOWN]}
    client.cookies.clear()
    for _ in range(2 * TRIES):
        sign_in(client, password="wrong")
    assert sign_in(client).status_code == 429
    client.cookies.update(known)
    assert sign_in(client).status_code == 303
    for _ in range(TRIES):
        assert sign_in(client, password="wrong").status_code == 403
    assert sign_in(client).status_code == 429, "a browser that is known is counted, too"
    client.cookies.clear()
    client.cookies.set(KNOWN, "forged")
    assert sign_in(client).status_code == 429


def asking(host, **headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "client": (host, 1), "headers": raw, "path": "/sign-in", "query_string": b""})


def test_an_address_counts_only_where_it_is_one_persons(lab):
    forged = {"x_forwarded_for": "8.8.8.8"}
    assert came_from(lab, asking("10.1.2.3", **forged)) == "10.1.2.3"
    for host in ("127.0.0.1", "::1", "testclient"):
        assert came_from(lab, asking(host, **forged)) == ""
    proven = asking(
        "127.0.0.1", x_forwarded_for="6.6.6.6, 10.1.2.9", x_lab_proxy_secret=proxy_secret(lab.settings.home)
    )
    assert came_from(lab, proven) == "10.1.2.9"
    assert came_from(lab, asking("127.0.0.1", x_lab_proxy_secret="guess", **forged)) == ""
    lab.settings = lab.settings.model_copy(update={"tls_in_front": True})
    assert came_from(lab, asking("10.1.2.3")) == ""
    assert not any(key.startswith("address") for key in limits(lab, asking("10.1.2.3"), "Ada"))


@pytest.mark.parametrize("fault", [LabError("The database is away."), RuntimeError("secret")])
def test_where_the_lab_cannot_be_asked_who_comes_nobody_gets_in_and_a_sentence_says_why(
    client, lab, monkeypatch, fault
):
    def away(*_):
        raise fault

    monkeypatch.setattr(type(lab.accounts), "asked", away)
    page = client.get("/", headers=HTML)
    assert page.status_code == 503 and "<form" in page.text and "Password" not in page.text
    assert "secret" not in page.text and ("database is away" in page.text or "fault in the program" in page.text)
    assert client.get("/").status_code == 503 and client.put("/_stcore/upload_file/x").status_code == 503
    assert not reached(client)


def test_another_page_cannot_sign_anybody_in(client, ada):
    headers = {"origin": "http://evil.example"}
    answer = client.post("/sign-in", data={"name": "Ada", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_a_web_server_in_front_is_believed_only_with_the_labs_secret(client, lab, ada):
    lab.accounts.add("Eve", identity="eve")
    lab.settings = lab.settings.model_copy(update={"proxy_header": "X-Remote-User"})
    secret = {"x-lab-proxy-secret": proxy_secret(lab.settings.home)}
    assert client.get("/", headers={"x-remote-user": "eve"}).status_code == 401
    assert client.get("/", headers={"x-remote-user": "eve", "x-lab-proxy-secret": "guess"}).status_code == 401
    assert client.get("/", headers={"x-remote-user": "mallory"} | secret).status_code == 401
    assert client.get("/", headers={"x-remote-user": "eve"} | secret).text == "the lab"
    lab.accounts.end(lab.accounts.sign_ins()[0].id)
    assert client.get("/", headers={"x-remote-user": "eve"} | secret).status_code == 401


@pytest.mark.parametrize("proof", [Proof.PROXY, Proof.PROVIDER])
def test_a_cookie_cannot_stand_for_a_sign_in_elsewhere(client, lab, ada, proof):
    """What stands for those is made of names and times; whoever guesses it gets no further by it."""
    lab.accounts.add("Eve", identity="eve")
    lab.accounts.sign_in_elsewhere(["eve"], proof, "guessed", datetime.now(UTC))
    assert lab.accounts.person("guessed").name == "Eve"
    assert client.get("/", headers={"cookie": f"{COOKIE}=guessed"}).status_code == 401


def test_wrong_tries_sent_at_once_are_counted_too(client, ada):
    with ThreadPoolExecutor(3 * TRIES) as threads:
        answers = list(threads.map(lambda n: sign_in(client, password=f"wrong {n}").status_code, range(3 * TRIES)))
    assert answers.count(403) <= TRIES and answers.count(429) >= 2 * TRIES
