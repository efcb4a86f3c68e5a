"""The canvas's routes: blind to other readers; acts in their order, each taken or refused by itself."""

import contextlib
import json

import numpy as np
import pytest
from sqlalchemy import event

from db import sessions as queues
from db.models import Slide
from mmdnet.labels.grading import Grades
from mmdnet.troubles import FULL
from mmdnet.workflows.labelling.views import PatchGrades
from tests.ui.sending import act, send
from ui.shell.access import label_access


def test_the_queue_carries_places_and_own_labels_only(client, token, label_bench, view):
    patches = [patch for own in label_bench.patches.values() for patch in own]
    for reader in label_bench.readers[1:]:
        label_bench.labels.acts.put_many(
            label_bench.project, reader, [PatchGrades(p, Grades(steatosis=2)) for p in patches]
        )
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
    assert [result["saved"] for result in results] == [True, False, True, True]
    assert [label.patch_id for label in label_bench.labels.current(label_bench.project)] == [items[0]["patch_id"]]


def test_the_reader_is_the_tokens_whatever_the_message_says(client, token, label_bench):
    items = client.get("/api/label/queue", headers=token).json()["items"]
    send(client, token, act(items[0], 1, reader_id=label_bench.readers[2], session_id=99))
    (label,) = label_bench.labels.current(label_bench.project)
    assert label.reader_id == label_bench.readers[0]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"acts": []}', b'{"acts": {}}', b"\xff", b"[" * 50_000, b"x" * 300_000],
)
def test_what_cannot_be_read_is_refused_in_words(client, token, body):
    answer = client.post("/api/label/acts", content=body, headers=token)
    assert answer.status_code == 400 and answer.json()["problem"].endswith(".")


@pytest.mark.parametrize(
    "query", ["offset=-1", "offset=x", "limit=0", "limit=9999", "offset=" + "9" * 40, "limit=²", "offset=" + "0" * 5000]
)
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


def test_a_drawn_exemplar_is_a_picture_and_asks_for_a_permission(client, token):
    path = "/api/label/atlas/steatosis/0/0.jpg"
    answer = client.get(path, headers=token)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert client.get(path).status_code in {401, 403}
    refused = client.get("/api/label/atlas/steatosis/9/0.jpg", headers=token)
    assert refused.status_code == 400 and "no drawn exemplar" in refused.text


def test_the_atlas_tells_nobody_what_they_still_have_to_grade(client, token, label_bench):
    patches = [patch for own in label_bench.patches.values() for patch in own]
    asked = {item["patch_id"] for item in client.get("/api/label/queue", headers=token).json()["items"]}
    label_bench.labels.acts.put_many(
        label_bench.project,
        label_bench.readers[1],
        [PatchGrades(p, Grades(ballooning=n % 3)) for n, p in enumerate(patches)],
    )
    atlas = client.get("/api/label/atlas", headers=token).json()
    shown = {patch for grades in atlas.values() for exemplars in grades.values() for patch in exemplars["patches"]}
    assert len(shown) == 9 and not shown & asked


REFUSALS = [
    ({"patch_id": 999_999}, "not in your queue"),
    ({"grades": {"colour": 1}}, "no task called colour"),
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
    assert all(result["saved"] for result in send(client, token, first, first).json()["results"])
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
    "changes",
    [
        {"patch_id": 2**63}, {"patch_id": 10**400}, {"patch_id": [1]}, {"patch_id": {}}, {"patch_id": True}, {"patch_id": 0},
        {"patch_id": 1.0}, {"based_on": 7}, {"based_on": []}, {"took_ms": "5"}, {"took_ms": 1.5}, {"flagged": "yes"},
        {"ignored": 1}, {"grades": {"steatosis": True}}, {"grades": {"steatosis": 2**70}}, {"grades": {"steatosis": [1]}},
        {"key": ["press-00000001"]}, {"key": "x" * 5000}, {"act": ["grade"]}, {"shown": [1]}, {"shown": {"batch": "x"}},
        {"shown": {"undoes": "x"}}, {"act": "undo", "undoes": 7}, {"act": "undo", "key": {}},
    ],
    ids=str,
)  # fmt: skip
def test_an_odd_act_is_refused_by_itself_and_the_next_one_is_taken(client, token, label_bench, changes):
    items = client.get("/api/label/queue", headers=token).json()["items"]
    answer = send(client, token, act(items[0], 1, **changes), act(items[1], 2))
    refused, taken = answer.json()["results"]
    assert answer.status_code == 200
    assert (refused["saved"], refused["key"]) == (False, changes.get("key", "press-00000001")) and refused["problem"]
    assert taken["saved"] and label_bench.labels.record.verify().events == 1


def test_a_time_longer_than_a_day_is_a_day(client, token, label_bench):
    items = client.get("/api/label/queue", headers=token).json()["items"]
    (answer,) = send(client, token, act(items[0], 1, took_ms=2**70)).json()["results"]
    assert answer["saved"]


@pytest.mark.parametrize(
    "odd",
    [
        '"shown": {"a": NaN}', '"shown": {"a": -Infinity}', '"shown": {"a": "\\ud800"}', '"shown": {"\\udc00": 1}',
        '"took_ms": 1' + "0" * 5000, '"shown": {"a": ' + "9" * 5000 + "}", '"key": "\\ud800press"', '"key": NaN',
        '"shown": ' + '{"a": ' * 200 + "1" + "}" * 200,
    ],
    ids=["nan", "infinity", "half", "half name", "long", "long shown", "half key", "nan key", "deep"],
)  # fmt: skip
def test_an_act_no_log_could_keep_is_refused_by_itself_and_the_others_are_saved(client, token, label_bench, odd):
    first, second = client.get("/api/label/queue", headers=token).json()["items"][:2]
    bad = json.dumps(act(first, 1))[:-1] + f", {odd}}}"
    body = f'{{"acts": [{bad}, 5, [1], null, {json.dumps(act(second, 2))}]}}'
    answer = client.post("/api/label/acts", content=body, headers=token)
    assert [result["saved"] for result in answer.json()["results"]] == [False] * 4 + [True]
    assert label_bench.labels.record.verify().events == 1


@pytest.mark.parametrize("keys", [None, [1], "q", {"ignore": 7}, {"ignore": ["q"]}, {"ignore": None}])
def test_keys_that_are_none_are_refused_in_words(client, token, keys):
    answer = client.post("/api/label/keys", json={"keys": keys}, headers=token)
    assert answer.status_code == 400 and answer.json()["problem"].endswith("Nothing was changed.")


@contextlib.contextmanager
def full_disk(db):
    """SQLite itself finds no room in the file any more."""
    engine = db.kw["bind"]

    def fill(connection, *_):
        connection.execute("PRAGMA max_page_count=1")  # never less than the pages there are

    event.listen(engine, "connect", fill)
    engine.dispose()
    try:
        yield
    finally:
        event.remove(engine, "connect", fill)
        engine.dispose()


def test_a_full_disk_is_said_and_what_the_browser_kept_is_saved_when_there_is_room_again(client, token, label_bench):
    items = client.get("/api/label/queue", headers=token).json()["items"]
    acts = [act(item, number, shown={"x": "y" * 20_000}) for number, item in enumerate(items)]
    with full_disk(label_bench.db):
        answer = send(client, token, *acts)
        assert (answer.status_code, answer.json()["problem"]) == (503, FULL)
        assert answer.headers["retry-after"]
    assert all(result["saved"] for result in send(client, token, *acts).json()["results"])
    assert label_bench.labels.record.verify().events == 10


def test_marks_that_turn_the_reading_around_are_seen_on_the_canvas_too(client, token, label_bench):
    with label_bench.db.begin() as session:
        for slide in session.query(Slide):
            slide.name, slide.stain = "case\u202egvs.exe", "H&E\u200b"
    items = client.get("/api/label/queue", headers=token).json()["items"]
    assert {(item["slide_name"], item["stain"]) for item in items} == {("case⟨U+202E⟩gvs.exe", "H&E⟨U+200B⟩")}
