"""Who may do what from a browser tab: this lab's tokens for its components, and what a browser knows of its reader."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from itsdangerous import BadData
from itsdangerous.encoding import base64_decode

from ui.shell.tokens import REMEMBER_S, Grant, TokenRefused, mint, read, secret_key

if TYPE_CHECKING:
    from starlette.responses import Response

    from mmdnet.accounts.roles import Person
    from mmdnet.workflows.lab import Lab

TOLD = "reader."


@lru_cache(maxsize=4)
def _secret(home: Path) -> bytes:
    return secret_key(home)


def lab_secret(lab: Lab) -> bytes:
    """The secret this lab signs its tokens with."""
    return _secret(lab.settings.home.resolve())


def label_access(lab: Lab, project_id: int, session_id: int, reader_id: int, person: Person | None = None) -> str:
    """Token that lets the canvas label in this session as this reader for a while; for this person's sign-in only."""
    return mint(lab_secret(lab), Grant("label", project_id, reader_id, session_id, sign_in_id=_of(person)))


def view_access(lab: Lab, project_id: int, person: Person | None = None) -> str:
    """Token that lets one tab see this project's pictures."""
    return mint(lab_secret(lab), Grant("view", project_id, sign_in_id=_of(person)))


def _of(person: Person | None) -> int | None:
    return None if person is None else person.sign_in_id


def remember(answer: Response, lab: Lab, grant: Grant) -> None:
    """Let the browser remember who labels in this session, so that a reload or a restarted lab need not ask again.

    The cookie is bound to the session (which tabs carry in their address), so two readers in two tabs stay apart; it is
    out of reach of scripts, and no route takes it.
    """
    token = mint(lab_secret(lab), Grant("remember", grant.project_id, grant.reader_id, grant.session_id))
    answer.set_cookie(cookie_name(grant.session_id), token, max_age=REMEMBER_S, httponly=True, samesite="strict")


def cookie_name(session_id: int | None) -> str:
    return f"mmdnet-session-{session_id}"


def remembered_reader(lab: Lab, cookies: Mapping[str, str], session_id: int) -> int | None:
    """The reader who has labelled in this session from this browser lately, if any."""
    try:
        grant = read(lab_secret(lab), cookies.get(cookie_name(session_id), ""))
    except TokenRefused:
        return None
    return grant.reader_id if grant.role == "remember" and grant.session_id == session_id else None


def told_reader(headers: Mapping[str, str]) -> str | None:
    """The name a tab told as it opened its socket (`memory/remembered.js`): who read in it before it was loaded.

    It is what the tab's own reader typed, no proof of anybody; a lab where people sign in does not ask for it.
    """
    protocols = [said.strip() for said in headers.get("Sec-WebSocket-Protocol", "").split(",")]
    coded = next((said.removeprefix(TOLD) for said in protocols if said.startswith(TOLD)), "")
    try:
        return base64_decode(coded).decode("utf-8") or None
    except (BadData, UnicodeDecodeError):
        return None
