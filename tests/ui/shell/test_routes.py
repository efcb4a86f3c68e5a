"""Our own routes: closed without a token, blind to other readers, and labels in their order."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from db import sessions as queues
from mmdnet.workflows.labelling.views import PatchGrades
from mmdnet.workflows.projects import Readers
from ui.label.routes import label_routes
from ui.shell.access import lab_secret, label_access, remembered_reader
from ui.shell.routes import middleware, routes
from ui.shell.tokens import Grant, mint

CLOSED = ["/api/patch/1.jpg", "/api/slide/1.jpg", "/api/label/queue", "/api/label/progress", "/api/label/atlas"]


@pytest.fixture
def lab(label_bench):
    slides = SimpleNamespace(
        pictures=SimpleNamespace(
            patch_jpeg=lambda patch_id, context=1, px=None: b"jpeg %d %d" % (patch_id, context),
            thumbnail=lambda slide_id, max_px: b"thumb",
        ),
        get=lambda slide_id: SimpleNamespace(project_id=label_bench.project),
    )
    services = label_bench.services
    return SimpleNamespace(
        labels=label_bench.labels,
        slides=slides,
        readers=Readers(services),
        settings=services.settings,
    )


@pytest.fixture
def client(lab):
    app = Starlette(routes=[*routes(lambda: lab), *label_routes(lambda: lab)], middleware=middleware(lambda: lab))
    return TestClient(app, base_url="http://127.0.0.1:8501")


@pytest.fixture
def view(label_bench):
    return label_bench.session()


@pytest.fixture
def token(lab, label_bench, view):
    return {"x-lab-token": label_access(lab, label_bench.project, view.id, label_bench.readers[0])}


def act(item, number, **changes):
    grades = {"ballooning": 1, "inflammation": 2, "steatosis": 3}
    sent = {
        "key": f"press-{number:08d}",
        "act": "grade",
        "patch_id": item["patch_id"],
        "grades": grades,
        "based_on": None,
    }
    return sent | changes


def send(client, token, *acts):
    return client.post("/api/label/acts", json={"acts": acts}, headers=token)


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


def test_the_queue_carries_places_and_own_labels_only(client, token, label_bench, view):
    patches = [patch for own in label_bench.patches.values() for patch in own]
    for reader in label_bench.readers[1:]:
        label_bench.labels.acts.put_many(label_bench.project, reader, [PatchGrades(p, steatosis=2) for p in patches])
    answer = client.get("/api/label/queue", headers=token)
    assert len(answer.json()["items"]) == 10
    for item in answer.json()["items"]:
        assert item["own"] is None and item["votes"] == [] and item["suggestion"] is None and "stream" not in item
    assert client.get("/api/label/progress", headers=token).json()["labelled"] == 0


def test_a_reader_whose_session_it_is_not_sees_and_does_nothing(client, lab, label_bench, view):
    other = {"x-lab-token": label_access(lab, label_bench.project, view.id, label_bench.readers[1])}
    assert client.get("/api/label/queue", headers=other).status_code == 400
    item = {"patch_id": label_bench.labels.sessions.queue(view.id)[0].patch_id}
    (result,) = send(client, other, act(item, 1)).json()["results"]
    assert not result["saved"] and label_bench.labels.record.verify().events == 0


def test_acts_are_taken_in_order_and_a_refused_one_holds_up_none(client, token, label_bench):
    items = client.get("/api/label/queue", headers=token).json()["items"]
    bad = act(items[1], 2, grades={"ballooning": 9})
    undo = {"key": "undo-00000001", "act": "undo", "undoes": "press-00000003"}
    results = send(client, token, act(items[0], 1), bad, act(items[2], 3), undo).json()["results"]
    assert [one["saved"] for one in results] == [True, False, True, True]
    assert [label.patch_id for label in label_bench.labels.current(label_bench.project)] == [items[0]["patch_id"]]


def test_the_reader_is_the_tokens_whatever_the_message_says(client, token, label_bench):
    items = client.get("/api/label/queue", headers=token).json()["items"]
    send(client, token, act(items[0], 1, reader_id=label_bench.readers[2], session_id=99))
    (label,) = label_bench.labels.current(label_bench.project)
    assert label.reader_id == label_bench.readers[0]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"acts": []}', b'{"acts": [1]}', b'{"acts": {}}', b"\xff", b"[" * 50_000, b"x" * 300_000],
)
def test_what_cannot_be_read_is_refused_in_words(client, token, body):
    answer = client.post("/api/label/acts", content=body, headers=token)
    assert answer.status_code == 400 and answer.json()["problem"].endswith(".")


@pytest.mark.parametrize("query", ["offset=-1", "offset=x", "limit=0", "limit=9999", "offset=" + "9" * 40, "limit=²"])
def test_numbers_out_of_range_are_refused(client, token, query):
    assert client.get(f"/api/label/queue?{query}", headers=token).status_code == 400


@pytest.mark.parametrize(
    "changes", [{"key": None}, {"key": 7}, {"patch_id": "1"}, {"grades": []}, {"shown": 3}, {"act": None}]
)
def test_acts_of_the_wrong_shape_are_refused_one_by_one(client, token, label_bench, changes):
    items = client.get("/api/label/queue", headers=token).json()["items"]
    (result,) = send(client, token, act(items[0], 1, **changes)).json()["results"]
    assert not result["saved"] and result["problem"]
    assert label_bench.labels.record.verify().events == 0


def test_pictures_are_private_and_labels_are_not_stored(client, token, label_bench):
    patch = label_bench.patches[label_bench.slides[0]][0]
    assert "private" in client.get(f"/api/patch/{patch}.jpg", headers=token).headers["cache-control"]
    assert client.get("/api/label/queue", headers=token).headers["cache-control"] == "no-store"


def test_a_browser_remembers_who_labels_in_a_session_and_nothing_opens_with_it(client, lab, label_bench, view, token):
    client.get("/api/label/progress", headers=token)
    cookies = dict(client.cookies)
    assert remembered_reader(lab, cookies, view.id) == label_bench.readers[0]
    assert remembered_reader(lab, cookies, view.id + 1) is None
    ((_, value),) = cookies.items()
    assert client.get("/api/label/queue").status_code == 401
    assert client.get("/api/label/queue", headers={"x-lab-token": value}).status_code == 403
    patch = label_bench.patches[label_bench.slides[0]][0]
    assert client.get(f"/api/patch/{patch}.jpg", headers={"x-lab-token": value}).status_code == 403
    stolen = {f"mmdnet-session-{view.id}": token["x-lab-token"]}
    assert remembered_reader(lab, stolen, view.id) is None


def test_a_readers_keys_are_kept_and_a_conflict_changes_nothing(client, lab, label_bench, token):
    def send_keys(keys):
        return client.post("/api/label/keys", json={"keys": keys}, headers=token)

    assert send_keys({"ignore": "q"}).json()["keys"]["ignore"] == "q"
    refused = send_keys({"ignore": "q", "flag": "q"})
    assert refused.status_code == 400 and "the same key" in refused.json()["problem"]
    assert send_keys([1]).status_code == 400
    first, second = label_bench.readers[:2]
    assert lab.readers.keys(first)["ignore"] == "q" and lab.readers.keys(second)["ignore"] == "i"


def test_suggestions_come_by_no_route_while_off_and_never_for_the_audit_stream(client, lab, label_bench, token, view):
    for slide in label_bench.slides:
        label_bench.scored(slide, {"steatosis": np.tile([0.1, 0.6, 0.2, 0.1], (30, 1))})

    def hints():
        items = client.get("/api/label/queue", headers=token).json()["items"]
        return {item["patch_id"]: item["suggestion"] for item in items}

    assert set(hints().values()) == {None}
    lab.labels.suggestions.switch(view.id, label_bench.readers[0], on=True)
    with label_bench.db() as session:
        streams = {item.patch.id: item.stream for item in queues.items(session, view.id, 0, 99)}
    shown = hints()
    assert "audit" in streams.values()
    assert {streams[patch] for patch, hint in shown.items() if hint} == {"plan"}


def test_the_atlas_tells_nobody_what_they_still_have_to_grade(client, token, label_bench):
    patches = [patch for own in label_bench.patches.values() for patch in own]
    asked = {item["patch_id"] for item in client.get("/api/label/queue", headers=token).json()["items"]}
    label_bench.labels.acts.put_many(
        label_bench.project, label_bench.readers[1], [PatchGrades(p, ballooning=n % 3) for n, p in enumerate(patches)]
    )
    found = client.get("/api/label/atlas", headers=token).json()
    shown = {patch for grades in found.values() for one in grades.values() for patch in one["patches"]}
    assert len(shown) == 9 and not shown & asked


REFUSALS = [
    ({"patch_id": 999_999}, "not in your queue"),
    ({"grades": {"fibrosis": 1}}, "no task called fibrosis"),
    ({"grades": {"ballooning": 3}}, "0 to 2"),
    ({"based_on": "press-earlier"}, "late"),
    ({"act": "sign"}, "no labelling act"),
    ({"patch_id": "1"}, "could not be read"),
    ({"act": "undo", "undoes": "press-99999999"}, "no longer your last"),
]


@pytest.mark.parametrize(("changes", "words"), REFUSALS)
def test_each_refused_act_says_why_stands_in_the_log_with_its_reader_and_changes_nothing(
    client, token, label_bench, caplog, changes, words
):
    items = client.get("/api/label/queue", headers=token).json()["items"]
    (result,) = send(client, token, act(items[0], 1, **changes)).json()["results"]
    assert not result["saved"] and words in result["problem"]
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert words in line and f"reader {label_bench.readers[0]}" in line
    assert label_bench.labels.record.verify().events == 0


def test_an_act_that_comes_twice_is_one_label_and_one_for_another_patch_under_its_key_is_refused(
    client, token, label_bench, caplog
):
    items = client.get("/api/label/queue", headers=token).json()["items"]
    first = act(items[0], 1)
    assert all(one["saved"] for one in send(client, token, first, first).json()["results"])
    (result,) = send(client, token, first | {"patch_id": items[1]["patch_id"]}).json()["results"]
    assert "used for another label" in result["problem"] and "used for another label" in caplog.text
    assert label_bench.labels.record.verify().events == 1


def test_a_reader_without_the_right_is_refused_logged_by_name_of_session_and_changes_nothing(
    client, lab, label_bench, view, caplog
):
    item = {"patch_id": label_bench.labels.sessions.queue(view.id)[0].patch_id}
    other = {"x-lab-token": label_access(lab, label_bench.project, view.id, label_bench.readers[1])}
    for path in ("queue", "progress", "atlas"):
        assert client.get(f"/api/label/{path}", headers=other).status_code == 400
    (result,) = send(client, other, act(item, 1)).json()["results"]
    assert "another reader" in result["problem"]
    assert caplog.text.count(f"reader {label_bench.readers[1]}") == 4 and caplog.text.count("another reader") == 4
    assert label_bench.labels.record.verify().events == 0


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
