"""What was sent to our routes, read into models: what does not fit is refused in words, never half taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import pydantic_core
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request

from mmdnet.errors import LabError

UNREADABLE = "What was sent could not be read. Nothing was changed."
MOST_DIGITS = 18  # of a number in an address: the database holds one more

Read = TypeVar("Read")
Json = dict[str, Any]  # what a page notes down for the log, kept as it is
Id = Annotated[int, Field(ge=1, lt=2**63)]
"""A row's number, as far as the database can hold one."""


class Sent(BaseModel):
    """A message or a part of one: types as they are, no text for a number; what is not known is passed over."""

    model_config = ConfigDict(strict=True, frozen=True)


async def read_body(request: Request, kind: TypeAdapter[Read], most_bytes: int, words: Mapping[str, str]) -> Read:
    """The request's body as that kind.

    Args:
        words: what to say by the name of the first field that does not fit; else that what was sent could not be read.

    Raises:
        LabError: it is too long, no JSON (numbers that are none and halves of letters are not), or does not fit.
    """
    body = await request.body()
    if len(body) > most_bytes:
        raise LabError("Too much was sent at once. Nothing was changed.")
    try:
        message = pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise LabError(UNREADABLE) from error
    try:
        return kind.validate_python(message)
    except ValidationError as error:
        path = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        raise LabError(words.get(str(path[0]), UNREADABLE) if path else UNREADABLE) from error


def number_in_path(request: Request, name: str) -> int:
    """A number from the request's path.

    Raises:
        LabError: it is none, or larger than any there is.
    """
    text = request.path_params[name]
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise LabError(f"{text[:20]} is no number of a {name.removesuffix('_id')}.")
    return int(text)
