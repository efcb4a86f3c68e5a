"""Rows of accounts, roles and sign-ins, and which project and reader the ids of a use case belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from db.account_models import Account, AccountRole, SignIn
from db.models import Annotation, Augmentation, Job, LabelSession, Model, Patch, Run, Score, Slide, SyntheticPatch
from db.searches import Search

PROJECT_BY: Mapping[str, Select[Any]] = {
    "slide_id": select(Slide.project_id),
    "patch_id": select(Slide.project_id).join(Patch, Patch.slide_id == Slide.id),
    "annotation_id": select(Slide.project_id).join(Annotation, Annotation.slide_id == Slide.id),
    "session_id": select(LabelSession.project_id),
    "score_id": select(Slide.project_id).join(Score, Score.slide_id == Slide.id),
    "run_id": select(Run.project_id),
    "search_id": select(Search.project_id),
    "job_id": select(Job.project_id),
    "model_id": select(Model.project_id),
    "augmentation_id": select(Augmentation.project_id),
    "synthetic_id": select(Augmentation.project_id).join(
        SyntheticPatch, SyntheticPatch.augmentation_id == Augmentation.id
    ),
}
_KEYS = {
    "slide_id": Slide.id,
    "patch_id": Patch.id,
    "annotation_id": Annotation.id,
    "session_id": LabelSession.id,
    "score_id": Score.id,
    "run_id": Run.id,
    "search_id": Search.id,
    "job_id": Job.id,
    "model_id": Model.id,
    "augmentation_id": Augmentation.id,
    "synthetic_id": SyntheticPatch.id,
}
CHUNK = 500


def projects_of(session: Session, name: str, keys: Iterable[int | str]) -> set[int | None]:
    """Which projects the things with these ids are of; None where one is of no project. What is not there is left out.

    Args:
        name: what the ids are of, as use cases call them: `slide_id`, `patch_id` ...
    """
    wanted = list(dict.fromkeys(keys))
    found: set[int | None] = set()
    for start in range(0, len(wanted), CHUNK):
        found |= set(session.scalars(PROJECT_BY[name].where(_KEYS[name].in_(wanted[start : start + CHUNK])).distinct()))
    return found


def reader_of_session(session: Session, session_id: int) -> int | None:
    """Whose label session it is; None where there is none."""
    return session.scalar(select(LabelSession.reader_id).where(LabelSession.id == session_id))


def any_account(session: Session) -> bool:
    """Whether there was ever an account."""
    return bool(session.scalar(select(exists().where(Account.id.is_not(None)))))


def all_accounts(session: Session) -> Sequence[Account]:
    return session.scalars(select(Account).order_by(func.lower(Account.name))).all()


def account_named(session: Session, name: str) -> Account | None:
    """The account of that name; case does not matter."""
    return session.scalar(select(Account).where(func.lower(Account.name) == name.lower()))


def account_of_identity(session: Session, identities: Sequence[str]) -> Account | None:
    """The account of the first of these identities that is known; case does not matter."""
    for identity in identities:
        if account := session.scalar(select(Account).where(func.lower(Account.identity) == identity.lower())):
            return account
    return None


def roles_of(session: Session, account_id: int) -> Sequence[AccountRole]:
    return session.scalars(
        select(AccountRole).where(AccountRole.account_id == account_id).order_by(AccountRole.id)
    ).all()


def sign_in_of(session: Session, token_sha256: str) -> tuple[SignIn, Account] | None:
    """The sign-in with this token, and whose it is."""
    row = session.execute(
        select(SignIn, Account)
        .join(Account, Account.id == SignIn.account_id)
        .where(SignIn.token_sha256 == token_sha256)
    ).first()
    return None if row is None else (row[0], row[1])


def open_sign_ins(session: Session, account_id: int | None = None) -> Sequence[tuple[SignIn, Account]]:
    """Sign-ins nobody ended, newest first; one account's if given."""
    statement = select(SignIn, Account).join(Account, Account.id == SignIn.account_id).where(SignIn.ended_at.is_(None))
    if account_id is not None:
        statement = statement.where(SignIn.account_id == account_id)
    return session.execute(statement.order_by(SignIn.id.desc())).tuples().all()
