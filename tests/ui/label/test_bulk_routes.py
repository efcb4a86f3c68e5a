"""The routes of the Label many page: closed without a token, and the answer's arrays where the page looks for them."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mmdnet.labels.grading import TASKS
from mmdnet.workflows.people.accounts import Accounts
from ui.label.bulk_routes import COLUMNS, bulk_routes
from ui.shell.access import lab_secret, label_access
from ui.shell.routes import middleware
from ui.shell.tokens import Grant, mint


@pytest.fixture
def lab(label_bench):
    services = label_bench.services
    return SimpleNamespace(labels=label_bench.labels, accounts=Accounts(services), settings=services.settings)


@pytest.fixture
def client(lab):
    app = Starlette(routes=bulk_routes(lambda: lab), middleware=middleware(lambda: lab))
    return TestClient(app, base_url="http://127.0.0.1:8501")


@pytest.fixture
def token(lab, label_bench):
    session = lab.labels.bulk.session(label_bench.project, label_bench.readers[0])
    return {"x-lab-token": label_access(lab, label_bench.project, session, label_bench.readers[0])}


def give(client, token, many, **changes):
    sent = {"key": "many-0001", "patches": many, "grades": {"steatosis": 2}, "shown": {"pictures": 3}} | changes
    return client.post("/api/bulk/give", json=sent, headers=token)


def unpacked(data: bytes):
    length = int(np.frombuffer(data, "<u4", 1)[0])
    head, at, arrays = json.loads(data[4 : 4 + length]), 4 + length, {}
    for name, kind in COLUMNS:
        width = {"slides_xy": 2, "map_xy": 2, "grades": len(TASKS)}.get(name, 1)
        arrays[name] = np.frombuffer(data, kind, head["patches"] * width, at)
        at += arrays[name].nbytes
    assert at == len(data)
    return head, arrays


def test_without_a_token_nothing_is_told_or_taken(client, label_bench, lab):
    view = {"x-lab-token": mint(lab_secret(lab), Grant("view", label_bench.project))}
    for headers, status in (({}, 401), (view, 403)):
        assert client.get("/api/bulk/patches", headers=headers).status_code == status
        assert give(client, headers, label_bench.patches[label_bench.slides[0]]).status_code == status
        assert client.post("/api/bulk/undo", json={}, headers=headers).status_code == status
    assert label_bench.labels.record.verify().events == 0


def test_from_another_page_everything_is_refused(client, token, label_bench):
    headers = token | {"origin": "http://evil.example"}
    assert give(client, headers, label_bench.patches[label_bench.slides[0]]).status_code == 403


def test_the_arrays_stand_where_the_page_reads_them(client, token, label_bench):
    head, arrays = unpacked(client.get("/api/bulk/patches", headers=token).content)
    assert sorted(arrays["patch_id"].tolist()) == sorted(patch for own in label_bench.patches.values() for patch in own)
    assert [slide["name"] for slide in head["slides"]] == ["slide 0", "slide 1"]
    assert np.isnan(arrays["map_xy"]).all() and head["method"] is None and head["last"] is None


def test_given_and_taken_back_as_one(client, token, label_bench):
    patches = label_bench.patches[label_bench.slides[1]]
    assert give(client, token, patches).json() == {"given": 30}
    head, arrays = unpacked(client.get("/api/bulk/patches", headers=token).content)
    assert head["last"] == {"key": "many-0001", "patches": 30}
    assert (arrays["grades"].reshape(-1, len(TASKS))[:, 0] == 2).sum() == 30
    undo = {"key": "undo-many-0001", "undoes": "many-0001"}
    for _ in range(2):  # asked again after an answer that was lost
        assert client.post("/api/bulk/undo", json=undo, headers=token).json() == {"undone": 30}
    assert label_bench.labels.current(label_bench.project) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"patches": "all"}, {"patches": [1.5]}, {"patches": [True]}, {"grades": [2]}, {"shown": 3}, {"key": "no"},
        {"key": None}, {"grades": {"steatosis": 9}}, {"grades": {"steatosis": "2"}}, {"patches": [2**63]}, {"key": []},
        {"patches": [[1]]}, {"patches": [-1]}, {"grades": {"steatosis": 2**70}}, {"ignored": "yes"}, {"patches": {}},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_a_sentence(client, token, label_bench, wrong):
    answer = give(client, token, label_bench.patches[label_bench.slides[0]][:2], **wrong)
    assert answer.status_code == 400 and answer.json()["problem"].endswith((".", "others."))
    assert label_bench.labels.record.verify().events == 0


def test_too_much_or_no_json_is_refused(client, token):
    lone = b'{"key": "many-0001", "patches": [1], "shown": {"a": "\\ud800"}}'
    for body in (
        b"{" + b" " * 600_000,
        b"[1, 2]",
        b"\xff",
        b"[" * 20_000,
        b'{"key": "many-0001", "patches": [NaN]}',
        lone,
    ):
        assert client.post("/api/bulk/give", content=body, headers=token).status_code == 400
