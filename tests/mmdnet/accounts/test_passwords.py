"""Passwords and codes."""

import pyotp
import pytest

from mmdnet.accounts import passwords
from mmdnet.accounts.passwords import (
    STEP_S,
    hashed,
    is_password,
    new_secret,
    qr_code,
    secret_address,
    secret_of,
    step_of,
)
from mmdnet.errors import LabError


def test_a_password_is_kept_as_argon2_and_only_it_opens(monkeypatch, real_hasher):
    monkeypatch.setattr(passwords, "_hasher", real_hasher)
    kept = hashed("correct horse")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$") and "correct" not in kept
    assert is_password(kept, "correct horse")
    for wrong in ("correct horsf", "", "correct horse" * 99, "\ud800"):
        assert not is_password(kept, wrong)
    assert not is_password(None, "a password of nobody") and not is_password("damaged", "correct horse")


@pytest.mark.parametrize("password", ["short", "x" * 257, "\ud800" * 12])
def test_a_password_too_short_too_long_or_no_text_is_refused(password):
    with pytest.raises(LabError, match="10 to 256"):
        hashed(password)


def test_a_code_counts_in_its_time_and_once():
    secret, now = new_secret(), 1_000_000.0
    code = pyotp.TOTP(secret).at(now)
    step = step_of(secret, f"{code[:3]} {code[3:]}", now=now)
    assert step == now // STEP_S
    assert step_of(secret, code, after=step, now=now) is None
    assert step_of(secret, code, now=now + 3 * STEP_S) is None
    assert step_of(secret, "é" * 6, now=now) is None
    assert secret in secret_address(secret, "Ada") and "MMD-Net" in secret_address(secret, "Ada")


def test_the_secret_can_be_scanned_and_typed():
    import cv2
    import numpy as np

    address = secret_address(secret := new_secret(), "Ada L.")
    picture = cv2.imdecode(np.frombuffer(qr_code(address), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == address
    assert secret_of(address).replace(" ", "") == secret and secret_of(address)[4] == " "
