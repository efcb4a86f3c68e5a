"""What pages and the command line draw of accounts: plain, frozen facts, without secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mmdnet.accounts.roles import Proof, Role


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role in a project; in every project where `project_id` is None."""

    role: Role
    project_id: int | None


def role_words(roles: Sequence[RoleView], projects: Mapping[int, str]) -> list[str]:
    """Each role in words, "admin" or "reader in Cohort": those in every project first."""
    everywhere = [str(held.role) for held in roles if held.project_id is None]
    return everywhere + [
        f"{held.role} in {projects.get(held.project_id, f'project {held.project_id}')}"
        for held in roles
        if held.project_id is not None
    ]


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
    said: dict[str, object]  # JSON: each act tells other things
    at: datetime
