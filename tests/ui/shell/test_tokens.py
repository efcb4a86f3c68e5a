"""Tokens: only those of this lab, unaltered and in time, open anything."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.errors import LabError
from ui.shell.tokens import LIFE_S, VIEW_STEP_S, Grant, TokenRefused, mint, read, secret_key

SECRET = b"s" * 32
GRANT = Grant("label", 3, 5, 7)


def test_a_token_says_what_it_was_minted_for():
    grant = read(SECRET, mint(SECRET, GRANT, now=1000), now=1001)
    assert (grant.role, grant.project_id, grant.reader_id, grant.session_id) == ("label", 3, 5, 7)


def test_a_token_runs_out():
    token = mint(SECRET, GRANT, now=1000)
    read(SECRET, token, now=1000 + LIFE_S)
    with pytest.raises(TokenRefused, match="run out"):
        read(SECRET, token, now=1001 + LIFE_S)


def test_for_a_few_minutes_the_same_pictures_may_be_asked_for_by_the_same_token():
    seen, own = Grant("view", 3), Grant("view", 3, sign_in_id=1)
    early, late = (mint(SECRET, seen, now=10 * VIEW_STEP_S + second) for second in (0, VIEW_STEP_S - 1))
    assert early == late != mint(SECRET, seen, now=11 * VIEW_STEP_S)
    assert early not in (mint(SECRET, own, now=10 * VIEW_STEP_S), mint(SECRET, Grant("view", 4), now=10 * VIEW_STEP_S))
    with pytest.raises(TokenRefused, match="run out"):
        read(SECRET, late, now=10 * VIEW_STEP_S + LIFE_S + 1)


def test_another_labs_token_is_refused():
    with pytest.raises(TokenRefused):
        read(b"t" * 32, mint(SECRET, GRANT))


@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_a_token_with_any_letter_changed_is_refused(place, letter):
    token = mint(SECRET, GRANT)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(TokenRefused):
            read(SECRET, changed)


@given(st.text(max_size=60))
def test_text_that_is_no_token_is_refused(text):
    with pytest.raises(TokenRefused):
        read(SECRET, text)


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path):
    made = secret_key(tmp_path / "home")
    assert secret_key(tmp_path / "home") == made and len(made) == 32
    assert stat.S_IMODE((tmp_path / "home" / "secret.key").stat().st_mode) == 0o600


def test_a_damaged_secret_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("ui.shell.tokens.time.sleep", lambda _: None)
    (tmp_path / "secret.key").write_bytes(b"short")
    with pytest.raises(LabError, match="damaged"):
        secret_key(tmp_path)
