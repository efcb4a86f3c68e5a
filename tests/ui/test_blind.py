"""What a reader's routes answer does not depend on what other readers gave: asked of two labs that differ in that alone."""

from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mmdnet.labels.grading import Grades
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import PatchGrades, QueueChoice
from tests.label_bench import make_label_bench
from ui.label.bulk_routes import bulk_routes
from ui.label.routes import label_routes
from ui.shell.access import label_access
from ui.shell.routes import middleware, routes

ASKED = 12  # patches in the session of the reader who asks


def made(home, grade: int):
    """A lab in which Ada gave every patch this grade; Ben has a session of his own and a second read before him."""
    home.mkdir()
    bench = make_label_bench(home)
    ada, ben, _ = bench.readers
    lab = Lab(bench.services.settings, bench.db, SimpleNamespace())  # type: ignore[arg-type]
    patches = [patch for own in bench.patches.values() for patch in own]
    rows = [
        PatchGrades(patch, ignored=True)
        if grade == 0 and n % 5 == 0
        else PatchGrades(patch, Grades(ballooning=min(grade, 2), inflammation=grade, steatosis=grade))
        for n, patch in enumerate(patches)
    ]
    lab.labels.acts.put_many(bench.project, ada, rows)
    sessions = [
        lab.labels.sessions.create(bench.project, ben, "Own", QueueChoice(bench.slides, ASKED // 2)),
        lab.labels.reviews.create(bench.project, ben, "second", share=0.2),
    ]
    every = [*routes(lambda: lab), *label_routes(lambda: lab), *bulk_routes(lambda: lab)]
    client = TestClient(Starlette(routes=every, middleware=middleware(lambda: lab)))
    tokens = [{"x-lab-token": label_access(lab, bench.project, view.id, ben)} for view in sessions]
    asked = {route.path for route in every if "GET" in (route.methods or ()) and "{" not in route.path}
    return client, tokens, asked, lab, bench


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    home = tmp_path_factory.mktemp("twins")
    return made(home / "low", 0), made(home / "high", 2)


def test_every_route_answers_the_same_whatever_a_colleague_gave(twins):
    (low, tokens, asked, *_), (high, others, *_) = twins
    asked = asked - {"/api/label/atlas"}  # shows agreed grades on purpose; see below
    assert {"/api/label/queue", "/api/label/progress", "/api/bulk/patches"} <= asked
    answered = 0
    for path in sorted(asked):
        for token, other in zip(tokens, others, strict=True):
            first, second = low.get(path, headers=token), high.get(path, headers=other)
            assert (first.status_code, first.content) == (second.status_code, second.content), path
            answered += first.status_code == 200
    assert answered >= 5


def test_what_is_sent_is_answered_the_same_too(twins):
    answers = []
    for client, tokens, _, lab, bench in twins:
        item = lab.labels.sessions.queue(lab.labels.sessions.of_project(bench.project, bench.readers[1])[-1].id)[0]
        act = {
            "key": "press-00000001",
            "act": "grade",
            "patch_id": item.patch_id,
            "grades": {"steatosis": 1},
            "based_on": None,
        }
        sent = [
            act,
            act | {"key": "press-00000002", "grades": {"steatosis": 9}},
            {"key": "undo-00000001", "act": "undo"},
        ]
        answers.append(client.post("/api/label/acts", json={"acts": sent}, headers=tokens[0]).content)
    assert answers[0] == answers[1]


def test_the_atlas_shows_no_patch_that_is_still_to_be_read(twins):
    for client, tokens, _, lab, bench in twins:
        waiting = {
            item.patch_id
            for view in lab.labels.sessions.of_project(bench.project, bench.readers[1])
            for item in lab.labels.sessions.queue(view.id, 0, 500)
        }
        for token in tokens:
            answer = client.get("/api/label/atlas", headers=token)
            assert answer.status_code == 200
            shown = {
                patch
                for task in answer.json().values()
                for exemplars in task.values()
                for patch in exemplars["patches"]
            }
            assert not shown & waiting


def test_a_preview_of_an_import_answers_the_same_whatever_a_colleague_gave(twins):
    for guess in range(3):
        outcomes = []
        for *_, lab, bench in twins:
            data = f"slide,x_px0,y_px0,reader,steatosis\nslide 0,0,0,Ada,{guess}\nslide 0,299,0,Ada,{guess}\n".encode()
            outcomes.append(
                lab.labels.files.import_file(bench.project, "x.csv", data, by=bench.readers[1], preview=True)
            )
        assert outcomes[0] == outcomes[1]


def test_an_export_holds_the_same_whatever_a_colleague_gave(twins):
    out = [lab.labels.files.export(bench.project, seen_by=bench.readers[2]) for *_, lab, bench in twins]
    assert out[0] == out[1] and out[0].labels == 0
