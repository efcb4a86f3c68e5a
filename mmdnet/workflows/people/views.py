"""What pages and the command line draw of accounts: plain, frozen facts, without secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mmdnet.accounts.roles import Proof, Role


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role in a project; in every project where `project_id` is None."""

    role: Role
    project_id: int | None


@dataclass(frozen=True, slots=True)
class AccountView:
    id: int
    name: str
    identity: str | None
    reader_id: int | None
    roles: tuple[RoleView, ...]
    has_password: bool
    second_factor: bool
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignInView:
    """A sign-in that has not ended."""

    id: int
    account_id: int
    account: str
    proof: Proof
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class AccessView:
    """One event of the log of access; `account` is None where nobody had signed in."""

    id: int
    account: str | None
    act: str
    project_id: int | None
    said: dict[str, Any]  # JSON: each act tells other things
    at: datetime
