"""Our own routes: closed without a token and to other pages; pictures only of the project the token names."""

import time
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mmdnet.errors import LabError, NotNowError
from mmdnet.workflows.health import HealthView
from tests.ui.sending import act, send
from ui.shell.access import lab_secret
from ui.shell.routes import middleware, routes
from ui.shell.tokens import Grant, mint

CLOSED = ["/api/patch/1.jpg", "/api/slide/1.jpg", "/api/label/queue", "/api/label/progress", "/api/label/atlas"]


@pytest.mark.parametrize("path", CLOSED)
def test_without_a_token_every_route_is_closed(client, path):
    assert client.get(path).status_code == 401


def test_labels_cannot_be_sent_without_a_token(client, label_bench):
    assert send(client, {}, {"key": "press-00000001"}).status_code == 401
    assert label_bench.labels.record.verify().events == 0


def test_a_forged_token_opens_nothing(client, label_bench, view):
    forged = mint(b"guess" * 7, Grant("label", label_bench.project, label_bench.readers[0], view.id))
    assert client.get("/api/label/queue", headers={"x-lab-token": forged}).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_pages_are_refused_even_with_a_token(client, token, headers):
    assert client.get("/api/label/queue", headers=token | headers).status_code == 403
    assert client.post("/api/label/acts", json={}, headers=token | headers).status_code == 403


def test_our_own_page_is_let_in(client, token):
    headers = token | {"origin": "http://127.0.0.1:8501", "sec-fetch-site": "same-origin"}
    assert client.get("/api/label/queue", headers=headers).status_code == 200


def test_a_viewing_token_cannot_label(client, lab, label_bench):
    viewing = {"x-lab-token": mint(lab_secret(lab), Grant("view", label_bench.project))}
    patch = label_bench.patches[label_bench.slides[0]][0]
    assert client.get(f"/api/patch/{patch}.jpg", headers=viewing).status_code == 200
    for path in ("/api/label/queue", "/api/label/progress"):
        assert client.get(path, headers=viewing).status_code == 403
    assert send(client, viewing, {"key": "press-00000001"}).status_code == 403


def test_a_token_in_an_address_opens_nothing(client, label_bench, token):
    patch = label_bench.patches[label_bench.slides[0]][0]
    assert client.get(f"/api/patch/{patch}.jpg?t={token['x-lab-token']}").status_code == 401


def test_a_token_shows_no_other_projects_pictures(client, lab, label_bench):
    other = {"x-lab-token": mint(lab_secret(lab), Grant("view", label_bench.project + 1))}
    patch = label_bench.patches[label_bench.slides[0]][0]
    assert client.get(f"/api/patch/{patch}.jpg", headers=other).status_code == 403
    assert client.get(f"/api/slide/{label_bench.slides[0]}.jpg", headers=other).status_code == 403


def test_pictures_are_private_and_labels_are_not_stored(client, token, label_bench):
    patch = label_bench.patches[label_bench.slides[0]][0]
    assert "private" in client.get(f"/api/patch/{patch}.jpg", headers=token).headers["cache-control"]
    assert client.get("/api/label/queue", headers=token).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("forge", "status", "words"),
    [
        (lambda token: {"x-lab-token": token[:-1] + ("0" if token[-1] != "0" else "1")}, 401, "not valid"),
        (lambda token: {}, 401, "not valid"),
        (lambda token: {"x-lab-token": token, "origin": "http://evil.example"}, 403, "another page"),
    ],
)
def test_forged_tokens_and_other_origins_stand_in_the_log_with_where_they_came_from(
    client, token, view, label_bench, caplog, forge, status, words
):
    headers = forge(token["x-lab-token"])
    item = {"patch_id": label_bench.labels.sessions.queue(view.id)[0].patch_id}
    assert send(client, headers, act(item, 1)).status_code == status
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert words in line and "/api/label/acts" in line and "testclient" in line
    assert label_bench.labels.record.verify().events == 0


def test_a_token_that_has_run_out_is_refused_and_logged(client, lab, label_bench, view, caplog):
    grant = Grant("label", label_bench.project, label_bench.readers[0], view.id)
    old = {"x-lab-token": mint(lab_secret(lab), grant, now=time.time() - 3600)}
    assert send(client, old, {"key": "press-00000001"}).status_code == 401
    assert "run out" in caplog.text and label_bench.labels.record.verify().events == 0


@pytest.mark.parametrize("path", ["/api/patch/{}.jpg", "/api/slide/{}.jpg"])
@pytest.mark.parametrize("number", ["9" * 19, "9" * 5000, "-1", "x"])
def test_a_picture_of_what_can_have_no_such_number_is_refused(client, token, path, number):
    answer = client.get(path.format(number), headers=token)
    assert answer.status_code == 400 and "is no number of a" in answer.json()["problem"]


def test_what_may_go_by_itself_later_is_answered_as_such(client, token, lab, label_bench, view, monkeypatch):
    def coming(*_: object, **__: object):
        raise NotNowError("a.svs is not here yet.")

    monkeypatch.setattr(lab.slides.pictures, "thumbnail", coming)
    answer = client.get(f"/api/slide/{label_bench.slides[0]}.jpg", headers=token)
    assert (answer.status_code, answer.json()["problem"]) == (503, "a.svs is not here yet.")


def test_health_is_told_to_anyone_and_says_which_part_is_ill():
    view = HealthView("ok", "ok", "The disk is full.", "ok")
    ill = SimpleNamespace(health=SimpleNamespace(now=lambda: view))
    answer = TestClient(Starlette(routes=routes(lambda: ill), middleware=middleware(lambda: ill))).get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "database": "ok", "queue": "ok", "disk": "The disk is full.", "worker": "ok"}


def test_a_lab_that_cannot_be_opened_is_a_sentence_on_every_route():
    def away():
        raise LabError("The database is away.")

    away_client = TestClient(Starlette(routes=routes(away), middleware=middleware(away)))
    for path in ("/healthz", "/api/patch/1.jpg"):
        answer = away_client.get(path)
        assert (answer.status_code, answer.json()["problem"]) == (503, "The database is away.")
