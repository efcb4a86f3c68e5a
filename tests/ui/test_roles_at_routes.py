"""Every route of ours, asked by every role, with every kind of token, from here and from elsewhere.

Let in is only who may: a token of this lab, in time, of a sign-in that lives, whose role allows it, of the right project
and the reader's own session, from our own page. Everything else is refused with a sentence, and nothing answers 500.
"""

import itertools
import random
import time

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mmdnet.accounts import passwords
from mmdnet.accounts.roles import Role
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from tests.label_bench import make_label_bench
from ui.label.bulk_routes import bulk_routes
from ui.label.routes import label_routes
from ui.shell.access import lab_secret
from ui.shell.routes import middleware, routes
from ui.shell.tokens import Grant, mint
from ui.slides.zoom_routes import zoom_routes

NO_FILE = "There is no file or folder"  # let through: the bench's slides have no files
GRADES = {Role.READER, Role.ADJUDICATOR, Role.LEAD}
TOKENS = ("none", "noise", "forged", "expired", "of no sign-in", "of an ended sign-in", "of another project",
          "of another's session", "remembering", "viewing", "labelling")  # fmt: skip
PLACES = ({}, {"origin": "http://127.0.0.1:8501"}, {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"},
          {"host": "evil.example"})  # fmt: skip


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return make_label_bench(tmp_path_factory.mktemp("roles"))


@pytest.fixture(scope="module")
def lab(bench):
    home = bench.services.settings.home
    opened = open_lab(Settings(home=home))
    view, other = bench.session(0), bench.session(1, name="Second")
    from argon2 import PasswordHasher

    kept, passwords._hasher = passwords._hasher, PasswordHasher(1, 8, 1)
    opened.signed_in = {}
    opened.accounts.add("Root", "correct horse battery")
    opened.accounts.grant(1, Role.ADMIN)
    for role in Role:
        reader = "Ada" if role is Role.READER else None
        account = opened.accounts.add(f"the {role}", "correct horse battery", reader=reader)
        opened.accounts.grant(account.id, role, bench.project)
        token = opened.accounts.sign_in(f"the {role}", "correct horse battery")
        person = opened.accounts.person(token)
        session = view.id
        if person.reader_id not in (None, bench.readers[0]):
            from tests.label_bench import QueueChoice

            session = bench.labels.sessions.create(
                bench.project, person.reader_id, "Own", QueueChoice(bench.slides, 2)
            ).id
        opened.signed_in[role] = (person, session)
    gone = opened.accounts.person(opened.accounts.sign_in("Root", "correct horse battery"))
    opened.accounts.end(gone.sign_in_id)
    opened.gone, opened.others_session = gone, other
    passwords._hasher = kept
    return opened


@pytest.fixture(scope="module")
def client(lab):
    get = lambda: lab  # noqa: E731
    listed = [*routes(get), *label_routes(get), *bulk_routes(get), *zoom_routes(get)]
    app = Starlette(routes=listed, middleware=middleware(get, hosts=["127.0.0.1"]))
    return TestClient(app, base_url="http://127.0.0.1:8501", raise_server_exceptions=False)


def token_of(lab, bench, kind, role):
    person, session = lab.signed_in[role]
    secret, project, reader = lab_secret(lab), bench.project, person.reader_id
    label = Grant("label", project, reader, session, sign_in_id=person.sign_in_id)
    match kind:
        case "none":
            return {}
        case "noise":
            return {"x-lab-token": "a.b.c"}
        case "forged":
            return {"x-lab-token": mint(b"guess" * 7, label)}
        case "expired":
            return {"x-lab-token": mint(secret, label, now=time.time() - 7200)}
        case "of no sign-in":
            return {"x-lab-token": mint(secret, Grant("label", project, reader, session))}
        case "of an ended sign-in":
            return {
                "x-lab-token": mint(secret, Grant("label", project, reader, session, sign_in_id=lab.gone.sign_in_id))
            }
        case "of another project":
            return {"x-lab-token": mint(secret, Grant("view", project + 1, sign_in_id=person.sign_in_id))}
        case "of another's session":
            taken = Grant("label", project, bench.readers[1], lab.others_session.id, sign_in_id=person.sign_in_id)
            return {"x-lab-token": mint(secret, taken)}
        case "remembering":
            return {
                "x-lab-token": mint(secret, Grant("remember", project, reader, session, sign_in_id=person.sign_in_id))
            }
        case "viewing":
            return {"x-lab-token": mint(secret, Grant("view", project, sign_in_id=person.sign_in_id))}
    return {"x-lab-token": mint(secret, label)}


def requests_of(bench):
    """Method, address, body, what it takes: to see, or to label."""
    slide, patch = bench.slides[0], bench.patches[bench.slides[0]][0]
    label = {"key": "press-00000001", "act": "grade", "patch_id": patch, "grades": {"steatosis": 1}}
    for address in (f"/api/patch/{patch}.jpg", f"/api/slide/{slide}.jpg", f"/api/zoom/tissue/{slide}.png",
                    f"/api/zoom/slide/{slide}/0/0_0.jpg", "/api/zoom/heat/1/steatosis.png"):  # fmt: skip
        yield "GET", address, None, "see"
    for address in (
        f"/api/patch/{'9' * 25}.jpg",
        "/api/slide/NaN.jpg",
        "/api/slide/-1.jpg",
        "/api/zoom/slide/999999999/9/99_99.jpg",
    ):
        yield "GET", address, None, "odd"
    for address in ("/api/label/queue", "/api/label/progress", "/api/label/atlas", "/api/bulk/patches"):
        yield "GET", address, None, "label"
    yield "POST", "/api/label/acts", {"acts": [label]}, "label"
    yield "POST", "/api/label/keys", {"keys": {}}, "label"
    yield "POST", "/api/bulk/give", {"patches": [patch], "grades": {"steatosis": 1}, "key": "bulk-00000001"}, "label"
    yield "POST", "/api/label/acts", {"acts": [[], {"patch_id": 2**70}, None]}, "odd"
    yield "GET", "/api/label/queue?offset=-1", None, "odd"


@pytest.mark.parametrize("share", [0.05, pytest.param(1.0, marks=pytest.mark.slow)])
def test_nobody_is_let_through_whom_role_token_or_place_forbids_and_nothing_answers_500(client, lab, bench, share):
    every = list(itertools.product(Role, TOKENS, range(len(PLACES)), requests_of(bench)))
    assert len(every) >= 3_000
    drawn = random.Random(7).sample(every, round(share * len(every)))
    own = [each for each in every if each[1] == "labelling" and each[2] == 0]  # who may: all of them, each time
    wrong, let_in = [], 0
    for role, kind, place, (method, address, body, takes) in [*own, *drawn]:
        headers = token_of(lab, bench, kind, role) | PLACES[place]
        grades = kind == "labelling" and role in GRADES
        sees = kind in ("viewing", "labelling", "of another's session")
        allowed = place < 2 and {"see": sees, "label": grades, "odd": False}[takes]
        sent = body
        if body and "acts" in body and takes == "label":  # a patch that is asked for, a key of the reader's own
            item = bench.labels.sessions.queue(lab.signed_in[role][1])[0]
            sent = {"acts": [body["acts"][0] | {"patch_id": item.patch_id, "key": f"press-{role}-0001"}]}
        elif body and "key" in body:
            sent = body | {"key": f"bulk-{role}-000001"}
        answer = client.request(method, address, json=sent, headers=headers)
        passed = (answer.status_code == 200 and not _all_refused(answer)) or NO_FILE in answer.text
        let_in += passed
        if answer.status_code >= 500 or (passed and not allowed) or (takes == "label" and allowed and not passed):
            wrong.append((role, kind, PLACES[place], method, address, answer.status_code, answer.text[:120]))
    assert wrong == [] and let_in >= 10
    assert lab.labels.record.verify().intact


def _all_refused(answer):
    """Whether every act of a batch was refused, each for itself."""
    if "json" not in answer.headers.get("content-type", ""):
        return False
    results = answer.json().get("results")
    return bool(results) and not any(each["saved"] for each in results)
