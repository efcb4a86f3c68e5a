"""Tables of who is who: accounts, their roles, their sign-ins, and the log of what was seen, taken out and changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models import Base, JsonObject, now


class Account(Base):
    """A person who signs in. `identity` is what an identity provider or a proxy calls them; None for a local account.

    `password_hash` is argon2's own text; `totp_secret` (base 32) holds once `totp_on`, and `totp_step` is the last time
    step a code was taken of, so that none is taken twice.
    """

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    identity: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    totp_secret: Mapped[str | None]
    totp_next: Mapped[str | None]  # the secret of a second factor that is being set up
    totp_on: Mapped[bool] = mapped_column(default=False)
    totp_step: Mapped[int] = mapped_column(default=0)
    reader_id: Mapped[int | None] = mapped_column(ForeignKey("readers.id"), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    retired_at: Mapped[datetime | None]


class AccountRole(Base):
    """A role of an account in a project; in every project where `project_id` is None."""

    __tablename__ = "account_roles"
    __table_args__ = (UniqueConstraint("account_id", "role", "project_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    role: Mapped[str]
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))


class SignIn(Base):
    """One sign-in, until it ends. Only the SHA-256 of its token is kept. `confirmed_at`: who it is was proven again."""

    __tablename__ = "sign_ins"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_sha256: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    proof: Mapped[str]  # how it was proven who it is: see `mmdnet.accounts.roles.Proof`
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class AccessEvent(Base):
    """Something seen, taken out or changed: appended, never changed, chained by hash. See `db.access_log`."""

    __tablename__ = "access_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    act: Mapped[str]
    project_id: Mapped[int | None]  # no key: the log outlives a project
    said: Mapped[JsonObject] = mapped_column(default=dict)  # of what, in plain values
    at: Mapped[datetime] = mapped_column(default=now)
    previous_hash: Mapped[str]
    hash: Mapped[str]
