"""What was sent to our routes, read into models: what does not fit is refused in words, never half taken."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request

from mmdnet.errors import LabError

TOO_MUCH = "Too much was sent at once. Nothing was changed."
TOO_SLOW = "What was sent did not arrive in time. Nothing was changed."
PATIENCE_S = 30.0  # for a whole body; the largest is half a megabyte
DEEPEST = 50  # lists and mappings within each other
UNREADABLE = "What was sent could not be read. Nothing was changed."
MOST_DIGITS = 18  # of a number in an address: the database holds one more
MOST_SENT = 400  # of a number in a body; the models' own limits are far below

Read = TypeVar("Read")
Json = dict[str, Any]  # what a page notes down for the log, kept as it is
Id = Annotated[int, Field(ge=1, lt=2**63)]
"""A row's number, as far as the database can hold one."""


class Sent(BaseModel):
    """A message or a part of one: types as they are, no text for a number; what is not known is passed over."""

    model_config = ConfigDict(strict=True, frozen=True)


async def read_body(
    request: Request, kind: TypeAdapter[Read], most_bytes: int, words: Mapping[str, str], apart: str = ""
) -> Read:
    """The request's body as that kind.

    Args:
        words: what to say by the name of the first field that does not fit; else that what was sent could not be read.
        apart: a field whose elements are read one by one by the caller, with `sound`, so that one holds up no other.

    Raises:
        LabError: it is too long, no JSON (numbers that are none and halves of letters are not), or does not fit.
    """
    message = _json(await _bytes(request, most_bytes))
    if not sound({key: value for key, value in message.items() if key != apart} if _is(message) else message):
        raise LabError(UNREADABLE)
    try:
        return kind.validate_python(message)
    except ValidationError as error:
        path = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        raise LabError(words.get(str(path[0]), UNREADABLE) if path else UNREADABLE) from error


def sound(value: Any, depth: int = DEEPEST) -> bool:
    """Whether a JSON value can be kept: no NaN or infinity, no half of a letter, no number of absurd length, not deep.

    Numbers that are longer than the database's are found by the model's own limits.
    """
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict | list):
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        return depth > 0 and all(sound(part, depth - 1) for part in parts)
    return True


def _is(message: Any) -> bool:
    return isinstance(message, dict)


def _json(body: bytes) -> Any:
    """What the bytes say; a whole number longer than any that is used is infinite, and so not sound."""
    try:
        return json.loads(body, parse_int=lambda digits: int(digits) if len(digits) <= MOST_SENT else math.inf)
    except (ValueError, RecursionError) as error:
        raise LabError(UNREADABLE) from error


async def _bytes(request: Request, most_bytes: int) -> bytes:
    """The body, refused by its stated length before it is read, and as soon as it is longer than it may be."""
    stated = request.headers.get("content-length", "0")
    if not (stated.isascii() and stated.isdecimal() and len(stated) <= MOST_DIGITS and int(stated) <= most_bytes):
        raise LabError(TOO_MUCH)
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for piece in request.stream():
                body += piece
                if len(body) > most_bytes:
                    raise LabError(TOO_MUCH)
    except TimeoutError as error:
        raise LabError(TOO_SLOW) from error
    return bytes(body)


def number_in_path(request: Request, name: str) -> int:
    """A number from the request's path.

    Raises:
        LabError: it is none, or larger than any there is.
    """
    text = request.path_params[name]
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise LabError(f"{text[:20]} is no number of a {name.removesuffix('_id')}.")
    return int(text)
