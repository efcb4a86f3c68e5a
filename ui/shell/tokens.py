"""Short-lived signed tokens: what one browser tab may ask our own routes for.

A Streamlit session mints a token for the component it draws, and the component sends it as a header. Nothing else opens
the routes: no cookie, no address. The secret lies in the lab's home, readable by its owner only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from mmdnet.errors import LabError

LIFE_S = 30 * 60
REMEMBER_S = 12 * 3600  # a working day
SECRET_BYTES = 32

Role = Literal["view", "label", "remember"]


class TokenRefused(LabError):
    """A token that is forged, damaged or too old."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows: to see one project's pictures (`view`), and to label in one session (`label`).

    `remember` allows nothing at the routes: it says which reader has worked in this browser in that session.
    """

    role: Role
    project_id: int
    reader_id: int | None = None
    session_id: int | None = None
    expires: int = 0


def secret_key(home: Path) -> bytes:
    """The lab's secret, made on first use with rights for its owner only.

    Raises:
        LabError: it cannot be written, or is damaged.
    """
    path = home / "secret.key"
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    except OSError as error:
        raise LabError(f"The lab's secret cannot be written to {path}: {error.strerror}.") from error
    else:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
    for _ in range(50):  # another process may just be writing it
        found = path.read_bytes()
        if len(found) == SECRET_BYTES:
            return found
        time.sleep(0.02)
    raise LabError(f"The lab's secret in {path} is damaged. Delete the file; a new one is made at the next start.")


def mint(secret: bytes, grant: Grant, now: float | None = None) -> str:
    """A token for this grant, good for `LIFE_S` seconds (`REMEMBER_S` to remember)."""
    moment = time.time() if now is None else now
    facts = asdict(grant) | {"expires": int(moment) + (REMEMBER_S if grant.role == "remember" else LIFE_S)}
    body = base64.urlsafe_b64encode(json.dumps(facts, sort_keys=True).encode()).rstrip(b"=")
    return f"{body.decode()}.{_signature(secret, body)}"


def read(secret: bytes, token: str, now: float | None = None) -> Grant:
    """The grant of a token.

    Raises:
        TokenRefused: it was not signed with this secret, or its time is over.
    """
    body, _, signature = token.encode("utf-8", "replace").decode().partition(".")
    if not hmac.compare_digest(_signature(secret, body.encode()).encode(), signature.encode()):
        raise TokenRefused("This page's permission is not valid. Reload the page.")
    try:
        grant = Grant(**json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
    except (binascii.Error, ValueError, TypeError) as error:
        raise TokenRefused("This page's permission is not valid. Reload the page.") from error
    if grant.expires < (time.time() if now is None else now):
        raise TokenRefused("This page's permission has run out. Reload the page.")
    return grant


def _signature(secret: bytes, body: bytes) -> str:
    return hmac.new(secret, b"mmdnet-token-1." + body, hashlib.sha256).hexdigest()
