"""Passwords (argon2id by argon2-cffi, with the parameters of RFC 9106's low-memory choice) and codes (RFC 6238)."""

from __future__ import annotations

import time
from functools import cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from mmdnet.errors import LabError

SHORTEST, LONGEST = 10, 256
STEP_S = 30
ISSUER = "MMD-Net lab"

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def hashed(password: str) -> str:
    """What is kept of a password.

    Raises:
        LabError: it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST or not _is_text(password):
        raise LabError(f"A password has {SHORTEST} to {LONGEST} characters. Nothing was changed.")
    return _hasher.hash(password)


@cache
def _of_nobody() -> str:
    return _hasher.hash("a password of nobody")


def is_password(kept: str | None, password: str) -> bool:
    """Whether this is the password; takes as long where there is none, so that names cannot be told apart."""
    if not _is_text(password):
        return False
    try:
        right = _hasher.verify(kept or _of_nobody(), password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None


def _is_text(password: str) -> bool:
    """Whether it can be written: half of a surrogate pair cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in password)


def new_secret() -> str:
    """A new secret of a second factor, base 32."""
    return pyotp.random_base32()


def secret_address(secret: str, name: str) -> str:
    """The `otpauth://` address an authenticator app takes."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def secret_of(address: str) -> str:
    """The secret in an `otpauth://` address, base 32, in groups of four to type by hand."""
    secret = pyotp.parse_uri(address).secret
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def qr_code(address: str) -> bytes:
    """The address as a QR code, a PNG: black on white, 6 px a module, with the quiet zone of ISO/IEC 18004."""
    import cv2

    code = cv2.QRCodeEncoder.create().encode(address)
    large = cv2.resize(code, None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST)
    return cv2.imencode(".png", cv2.copyMakeBorder(large, 24, 24, 24, 24, cv2.BORDER_CONSTANT, value=255))[1].tobytes()


def step_of(secret: str, code: str, after: int = 0, now: float | None = None) -> int | None:
    """The time step (30 s) this code is of: now, the one before or after; None where it is none, or not past `after`.

    A code is taken once: whoever keeps the last step taken gives it as `after` (RFC 6238, 5.2).
    """
    code = "".join(code.split())
    current = int((time.time() if now is None else now) // STEP_S)
    maker = pyotp.TOTP(secret)
    for step in (current, current - 1, current + 1):
        if step > after and pyotp.utils.strings_equal(maker.at(step * STEP_S), code):
            return step
    return None
