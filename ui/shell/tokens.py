"""Short-lived signed tokens: what one browser tab may ask our own routes for.

A Streamlit session mints a token for the component it draws, and the component sends it as a header. Nothing else opens
the routes: no cookie, no address. The secret lies in the lab's home, readable by its owner only.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from itsdangerous import BadData, Signer, URLSafeSerializer
from itsdangerous.encoding import want_bytes

from mmdnet.errors import LabError

LIFE_S = 30 * 60
VIEW_STEP_S = 5 * 60  # within it the same grant has the same token: a browser asks again only for what it has not kept
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
    sign_in_id: int | None = None  # of whose page it was made for; None where the lab asks nobody


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
        secret = path.read_bytes()
        if len(secret) == SECRET_BYTES:
            return secret
        time.sleep(0.02)
    raise LabError(f"The lab's secret in {path} is damaged. Delete the file; a new one is made at the next start.")


class _ExactSigner(Signer):
    """A signature counts as it was written, not in other spellings that decode to the same bytes."""

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        return hmac.compare_digest(want_bytes(sig), self.get_signature(value))


def _signed(secret: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret, salt="mmdnet-token-2", signer=_ExactSigner, signer_kwargs={"digest_method": hashlib.sha256}
    )


def mint(secret: bytes, grant: Grant, now: float | None = None) -> str:
    """A token for this grant, good for `LIFE_S` seconds (`REMEMBER_S` to remember, to view up to a step fewer)."""
    moment = time.time() if now is None else now
    if grant.role == "view":
        moment -= moment % VIEW_STEP_S
    life = REMEMBER_S if grant.role == "remember" else LIFE_S
    return _text(_signed(secret).dumps(asdict(replace(grant, expires=int(moment) + life))))


def read(secret: bytes, token: str, now: float | None = None) -> Grant:
    """The grant of a token.

    Raises:
        TokenRefused: it was not signed with this secret, or its time is over.
    """
    try:
        grant = Grant(**_signed(secret).loads(token.encode("utf-8", "replace")))
    except (BadData, TypeError) as error:
        raise TokenRefused("This page's permission is not valid. Reload the page.") from error
    if grant.expires < (time.time() if now is None else now):
        raise TokenRefused("This page's permission has run out. Reload the page.")
    return grant


def _text(token: str | bytes) -> str:
    return token if isinstance(token, str) else token.decode("ascii")
