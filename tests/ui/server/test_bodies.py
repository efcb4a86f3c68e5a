"""Whatever is sent to a route is read into its model or refused in a sentence; nothing gets through half read."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from mmdnet.errors import LabError
from ui.server import bodies
from ui.server.bodies import TOO_MUCH, UNREADABLE, Id, Json, Sent, number_in_path, read_body


class Thing(Sent):
    id: Id
    name: str = ""
    facts: Json | None = None


THING = TypeAdapter(Thing)


async def take(request):
    try:
        sent = await read_body(request, THING, 2000, {"id": "The thing has no number."})
        return JSONResponse({"id": sent.id, "name": sent.name})
    except LabError as refusal:
        return JSONResponse(str(refusal), 400)


async def look(request):
    try:
        return JSONResponse(number_in_path(request, "thing_id"))
    except LabError as refusal:
        return JSONResponse(str(refusal), 400)


client = TestClient(Starlette(routes=[Route("/things", take, methods=["POST"]), Route("/things/{thing_id}", look)]))


def answer(body: bytes):
    response = client.post("/things", content=body)
    return response.status_code, response.json()


def test_what_fits_is_read_and_what_is_not_known_is_passed_over():
    assert answer(b'{"id": 3, "name": "a", "more": [1]}') == (200, {"id": 3, "name": "a"})


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", b"[" * 900, b"[1]", b"3", b'{"id": NaN}', b'{"id": 1, "facts": {"a": Infinity}}',
        b'{"id": 1, "name": "\\ud800"}', b'{"id": 1, "facts": {"\\udfff": 1}}', b'{"id": 1, "name": 7}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_and_nothing_was_changed(body):
    assert answer(body) == (400, UNREADABLE)


@pytest.mark.parametrize("number", ["0", "-1", "1.0", "true", '"3"', "[3]", "null", str(2**63), "9" * 400, "1e3"])
def test_a_number_that_no_row_can_have_is_refused_by_its_field(number):
    assert answer(b'{"id": %s}' % number.encode()) == (400, "The thing has no number.")


def test_the_largest_number_a_row_can_have_is_read():
    assert answer(b'{"id": %d}' % (2**63 - 1)) == (200, {"id": 2**63 - 1, "name": ""})


def test_too_much_is_refused_before_it_is_read():
    assert answer(b" " * 2001) == (400, TOO_MUCH)
    read = []

    def pieces():
        for _ in range(100):
            read.append(1)
            yield b" " * 500

    assert client.post("/things", content=pieces()).json() == TOO_MUCH  # no length stated
    response = client.post("/things", content=b"{}", headers={"content-length": "400000000"})
    assert (response.status_code, response.json()) == (400, TOO_MUCH)
    odd = client.post("/things", content=b"{}", headers={"content-length": "9" * 5000})
    assert (odd.status_code, odd.json()) == (400, TOO_MUCH)


def test_a_body_that_does_not_arrive_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(bodies, "PATIENCE_S", 0.05)

    async def silent():
        await asyncio.sleep(60)

    async def ask():
        scope = {"type": "http", "method": "POST", "headers": [], "path": "/things"}
        with pytest.raises(LabError, match="in time"):
            await read_body(Request(scope, silent), THING, 2000, {})

    asyncio.run(ask())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_json_is_answered_in_words_and_never_breaks_a_route(value: Any):
    status, words = answer(json.dumps({"id": value}).encode())
    assert (
        status == 200
        if type(value) is int and 1 <= value < 2**63
        else words in ("The thing has no number.", UNREADABLE)
    )


@pytest.mark.parametrize(
    ("text", "status"), [("7", 200), ("9" * 18, 200), ("9" * 19, 400), ("9" * 5000, 400), ("x", 400), ("²", 400)]
)
def test_numbers_in_an_address_are_those_a_row_can_have(text, status):
    assert client.get(f"/things/{text}").status_code == status
