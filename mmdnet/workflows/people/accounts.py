"""Accounts: who there is, what they may do where, and their sign-ins. Nothing here is reachable without its rule."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db import access_log, event_log
from db import accounts as rows
from db import projects as project_rows
from db.account_models import Account, AccountRole, SignIn
from db.models import Project, now
from mmdnet.accounts import passwords
from mmdnet.accounts.owner import owner
from mmdnet.accounts.roles import GRADES, Person, Proof, Role
from mmdnet.accounts.tries import TOO_MANY, TRIES, TRIES_S
from mmdnet.errors import LabError
from mmdnet.workflows.people.views import AccessView, AccountView, RoleView, SignInView
from mmdnet.workflows.projects import clean_name
from mmdnet.workflows.services import Services, must_get

SEEN_EVERY = timedelta(seconds=60)  # how exactly it is noted when a sign-in was last used
A_DAY = timedelta(days=1)
NOBODY_FOR_S = 1.0  # how long it is believed that the lab has no account; a page asks some forty times
CONFIRMED_FOR = timedelta(minutes=2)  # how long a signature may follow after it was asked again who signs
REFUSED_AGAIN = "refused confirmation"
NOT_SIGNED_IN = "Name, password or code is not right, or the account is retired. Nothing was changed."


class Accounts:
    """Use cases reachable as `lab.accounts`. `by` is the account that does it; None the lab's own user."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asked = False
        self._looked_at: float | None = None  # when the database last had no account, on the steady clock

    def asked(self) -> bool:
        """Whether the lab asks who comes: from the first account on, for good.

        Of a first account that another process makes this one hears within `NOBODY_FOR_S`.
        """
        if self._asked:
            return True
        moment = time.monotonic()
        if self._looked_at is None or moment - self._looked_at >= NOBODY_FOR_S:
            with self._services.db() as session:
                if rows.any_account(session):
                    self._asked = True  # and never back: another thread may have made the first one meanwhile
            self._looked_at = moment
        return self._asked

    # --- who there is -------------------------------------------------------------------------------------------------

    def list(self) -> Sequence[AccountView]:
        """Every account, retired ones too, by name."""
        with self._services.db() as session:
            return [_view(session, account) for account in rows.all_accounts(session)]

    def add(
        self,
        name: str,
        password: str | None = None,
        identity: str | None = None,
        reader: str | None = None,
        roles: Sequence[tuple[Role, int | None]] = (),
        by: int | None = None,
    ) -> AccountView:
        """A new account; without a password for one who signs in elsewhere, whom `identity` names.

        Args:
            identity: what the identity provider or proxy calls the person: an e-mail address, or issuer#subject.
            reader: the reader whose labels are this person's; made if new. Without one the account grades nothing.
            roles: given at once, each in a project or, with None, in all.

        Raises:
            LabError: name, identity or reader is taken, the password too short, or a role cannot be given. Nothing was
                changed.
        """
        name = clean_name(name, "account")
        kept = passwords.hashed(password) if password else None
        if kept is None and not identity:
            raise LabError("An account needs a password, or the identity its provider knows. Nothing was changed.")
        with event_log.appending(self._services.db) as session:
            if rows.account_named(session, name):
                raise LabError(f"There is already an account called {name}. Nothing was changed.")
            if identity and rows.account_of_identity(session, [identity]):
                raise LabError(f"The identity {identity} is another account's already. Nothing was changed.")
            account = Account(name=name, password_hash=kept, identity=identity)
            if reader:
                account.reader_id = self._free_reader(session, reader)
            session.add(account)
            session.flush()
            _append(session, "add account", by, said={"account": account.id})
            for role, project_id in roles:
                self._grant(session, account, role, project_id, by)
            view = _view(session, account)
        self._asked = True
        return view

    def grant(self, account_id: int, role: Role, project_id: int | None = None, by: int | None = None) -> AccountView:
        """Give a role, in one project or in all.

        Raises:
            LabError: the account is retired, has no reader though the role grades, or there is no such project.
        """
        with event_log.appending(self._services.db) as session:
            account = self._active(session, account_id)
            self._grant(session, account, role, project_id, by)
            return _view(session, account)

    def take(self, account_id: int, role: Role, project_id: int | None = None, by: int | None = None) -> AccountView:
        """Take a role away again.

        Raises:
            LabError: the account has not that role there, or would be the last admin.
        """
        with event_log.appending(self._services.db) as session:
            account = self._active(session, account_id)
            held = [r for r in rows.roles_of(session, account_id) if (r.role, r.project_id) == (role, project_id)]
            if not held:
                raise LabError(f"{account.name} has no role {role} there. Nothing was changed.")
            if role == Role.ADMIN and project_id is None:
                _keep_an_admin(session, account_id)
            session.delete(held[0])
            _append(session, "take role", by, project_id, {"account": account_id, "role": str(role)})
            session.flush()
            return _view(session, account)

    def retire(self, account_id: int, by: int | None = None) -> AccountView:
        """Let nobody sign in by this account any more; what it did stays. Its open sign-ins end.

        Raises:
            LabError: it would leave no admin.
        """
        with event_log.appending(self._services.db) as session:
            account = self._active(session, account_id)
            _keep_an_admin(session, account_id)
            account.retired_at = now()
            _end_sign_ins(session, account_id)
            _append(session, "retire account", by, said={"account": account_id})
            return _view(session, account)

    def set_password(self, account_id: int, password: str, by: int | None = None) -> None:
        """A new password for another's account: its sign-ins end, its second factor is to be set up anew.

        Raises:
            LabError: it is too short, or the account retired.
        """
        kept = passwords.hashed(password)
        with event_log.appending(self._services.db) as session:
            account = self._active(session, account_id)
            account.password_hash = kept
            account.totp_on, account.totp_secret, account.totp_next = False, None, None
            _end_sign_ins(session, account_id)
            _append(session, "set password", by, said={"account": account_id})

    def change_own_password(self, person: Person, old: str, new: str) -> None:
        """A new password of one's own; one's other sign-ins end.

        Raises:
            LabError: the old one is not right, or the new one too short.
        """
        kept = passwords.hashed(new)
        with event_log.appending(self._services.db) as session:
            account = self._with_password(session, person)
            right = self._asked_again(session, account, lambda: passwords.is_password(account.password_hash, old))
            if right:
                account.password_hash = kept
                _end_sign_ins(session, account.id, but=person.sign_in_id)
                access_log.append(session, "set password", account.id, said={"account": account.id})
        if not right:
            raise LabError("The old password is not right. Nothing was changed.")

    def new_second_factor(self, person: Person, password: str) -> str:
        """The `otpauth://` address of one's new second factor; it holds once `confirm_second_factor` got a code of it.

        Until then what there was goes on to hold.

        Raises:
            LabError: the password is not right, or one signs in elsewhere.
        """
        with event_log.appending(self._services.db) as session:
            account = self._with_password(session, person)
            right = self._asked_again(session, account, lambda: passwords.is_password(account.password_hash, password))
            if right:
                account.totp_next = passwords.new_secret()
                return passwords.secret_address(account.totp_next, account.name)
        raise LabError("The password is not right. Nothing was changed.")

    def confirm_second_factor(self, person: Person, code: str) -> None:
        """From now on a code is asked for.

        Raises:
            LabError: the code is not of the new secret.
        """
        with event_log.appending(self._services.db) as session:
            account = self._with_password(session, person)
            step = passwords.step_of(account.totp_next, code) if account.totp_next else None
            if step is None:
                raise LabError("This code is not of the new second factor. Scan it again, or wait for the next code.")
            account.totp_secret, account.totp_next = account.totp_next, None
            account.totp_on, account.totp_step = True, step
            access_log.append(session, "add second factor", account.id)

    def own(self, person: Person) -> AccountView:
        """The account of whoever asks."""
        with self._services.db() as session:
            return _view(session, self._active(session, person.account_id))

    # --- sign-ins -----------------------------------------------------------------------------------------------------

    def sign_in(self, name: str, password: str, code: str = "") -> str:
        """Sign in by a local account; the token that stands for it.

        Raises:
            LabError: something is not right; it does not say what.
        """
        with event_log.appending(self._services.db) as session:
            account = rows.account_named(session, " ".join(name.split())) if name.isprintable() else None
            proof = None if account is None or account.retired_at else _proof(account, password, code)
            if account is None:
                passwords.is_password(None, password)  # as long as for one that is there
            if account is not None and proof is not None:
                return self._open(session, account, proof, secrets.token_urlsafe(32), now())
            access_log.append(session, "refused sign-in", account.id if account else None)
        raise LabError(NOT_SIGNED_IN)

    def sign_in_elsewhere(self, identities: Sequence[str], proof: Proof, token: str, at: datetime) -> str | None:
        """The sign-in of one whom an identity provider or proxy vouched for; None where no account is theirs.

        Args:
            identities: what they may be known by, the surest first.
            token: the same for the same sign-in there.
            at: when they signed in there.
        """
        with event_log.appending(self._services.db) as session:
            if rows.sign_in_of(session, _sha256(token)):
                return token
            account = rows.account_of_identity(session, identities)
            if account is None or account.retired_at:
                access_log.append(session, "refused sign-in", account.id if account else None)
                return None
            return self._open(session, account, proof, token, at)

    def person(self, token: str) -> Person | None:
        """Whose sign-in this is, with the roles they have now; None where it is none, has ended or is too old."""
        with self._services.db() as session:
            known = rows.sign_in_of(session, _sha256(token))
            if known is None or not self._lives(*known):
                return None
            sign_in, account = known
            person = _person(session, sign_in, account)
            if now() - sign_in.seen_at > SEEN_EVERY:
                sign_in.seen_at = now()
                session.commit()
            return person

    def person_by_id(self, sign_in_id: int) -> Person | None:
        """The same by the sign-in's number, for tokens of ours that name it."""
        with self._services.db() as session:
            sign_in = session.get(SignIn, sign_in_id)
            account = None if sign_in is None else session.get(Account, sign_in.account_id)
            if sign_in is None or account is None or not self._lives(sign_in, account):
                return None
            return _person(session, sign_in, account)

    def sign_out(self, person: Person) -> None:
        """End this person's sign-in."""
        with event_log.appending(self._services.db) as session:
            sign_in = must_get(session, SignIn, person.sign_in_id, "sign-in")
            if sign_in.ended_at is None:
                sign_in.ended_at = now()
                access_log.append(session, "sign out", person.account_id)

    def end(self, sign_in_id: int, by: int | None = None) -> None:
        """End somebody's sign-in: their pages stop at the next click."""
        with event_log.appending(self._services.db) as session:
            sign_in = must_get(session, SignIn, sign_in_id, "sign-in")
            sign_in.ended_at = sign_in.ended_at or now()
            _append(session, "end sign-in", by, said={"account": sign_in.account_id, "sign_in": sign_in_id})

    def sign_ins(self) -> Sequence[SignInView]:
        """Sign-ins that live, newest first."""
        with self._services.db() as session:
            return [
                SignInView(s.id, a.id, a.name, Proof(s.proof), s.created_at, s.seen_at)
                for s, a in rows.open_sign_ins(session)
                if self._lives(s, a)
            ]

    def confirm(self, person: Person, password: str, code: str = "") -> None:
        """Ask again who it is, before a signature.

        Raises:
            LabError: it was not proven, or too often not; nothing is signed.
        """
        with event_log.appending(self._services.db) as session:
            account = self._active(session, person.account_id)
            right = self._asked_again(session, account, lambda: _proof(account, password, code) is not None)
            if right:
                must_get(session, SignIn, person.sign_in_id, "sign-in").confirmed_at = now()
        if not right:
            raise LabError("Password or code is not right. Nothing was signed.")

    def use_confirmation(self, person: Person) -> None:
        """Take what `confirm` gave, for one signature. Who signed in elsewhere must have done so just now.

        Raises:
            LabError: it was not asked again who it is, or too long ago.
        """
        with self._services.db.begin() as session:
            sign_in = must_get(session, SignIn, person.sign_in_id, "sign-in")
            when = sign_in.confirmed_at
            if when is None or now() - when > CONFIRMED_FOR:
                by_provider = "sign out and in again, then sign within two minutes"
                how = by_provider if person.proof is Proof.PROVIDER else "give your password again"
                raise LabError(f"A signature asks once more who you are: {how}. Nothing was signed.")
            sign_in.confirmed_at = None

    def log(self, limit: int = 200) -> Sequence[AccessView]:
        """The newest events of the log of access, newest first."""
        with self._services.db() as session:
            return [
                AccessView(
                    event.id, account.name if account else None, event.act, event.project_id, event.said, event.at
                )
                for event, account in access_log.newest(session, limit)
            ]

    def note(self, person: Person | None, act: str, project_id: int | None, said: dict[str, object]) -> None:
        """Write an event of this person, or of the lab's owner, into the log of access."""
        with event_log.appending(self._services.db) as session:
            _append(session, act, person.account_id if person else None, project_id, said)

    # --- parts --------------------------------------------------------------------------------------------------------

    def _open(self, session: Session, account: Account, proof: Proof, token: str, at: datetime) -> str:
        fresh = at if proof is Proof.PROVIDER else None
        sign_in = SignIn(
            token_sha256=_sha256(token), account_id=account.id, proof=proof, created_at=at, confirmed_at=fresh
        )
        session.add(sign_in)
        access_log.append(session, "sign in", account.id, said={"proof": str(proof)})
        return token

    def _lives(self, sign_in: SignIn, account: Account) -> bool:
        settings, moment = self._services.settings, now()
        if sign_in.ended_at or account.retired_at:
            return False
        if sign_in.proof == Proof.PROXY:  # the web server asks each time and ends its own sessions
            return moment - sign_in.created_at < A_DAY
        return moment - sign_in.created_at < timedelta(hours=settings.sign_in_hours) and moment - max(
            sign_in.seen_at, sign_in.created_at
        ) < timedelta(minutes=settings.sign_in_idle_min)

    def _active(self, session: Session, account_id: int) -> Account:
        account = must_get(session, Account, account_id, "account")
        if account.retired_at:
            raise LabError(f"{account.name} is retired. Nothing was changed.")
        return account

    def _grant(self, session: Session, account: Account, role: Role, project_id: int | None, by: int | None) -> None:
        if project_id is not None:
            must_get(session, Project, project_id, "project")
        if role in GRADES and account.reader_id is None:
            account.reader_id = self._free_reader(session, account.name)
        held = {(row.role, row.project_id) for row in rows.roles_of(session, account.id)}
        if (role, project_id) not in held:
            session.add(AccountRole(account_id=account.id, role=role, project_id=project_id))
            _append(session, "grant role", by, project_id, {"account": account.id, "role": str(role)})
        session.flush()

    def _with_password(self, session: Session, person: Person) -> Account:
        account = self._active(session, person.account_id)
        if account.password_hash is None:
            raise LabError("This account signs in elsewhere: its password and second factor are changed there.")
        return account

    def _asked_again(self, session: Session, account: Account, proven: Callable[[], bool]) -> bool:
        """Whether it was proven again; a wrong one is in the log, and by the log too many must wait."""
        since = now() - timedelta(seconds=TRIES_S)
        if access_log.count_since(session, REFUSED_AGAIN, account.id, since) >= TRIES:
            raise LabError(TOO_MANY)
        right = proven()
        if not right:
            access_log.append(session, REFUSED_AGAIN, account.id)
        return right

    def _free_reader(self, session: Session, name: str) -> int:
        reader = project_rows.ensure_reader(session, clean_name(name, "reader"))
        if any(account.reader_id == reader.id for account in rows.all_accounts(session)):
            raise LabError(f"The reader {reader.name} is another account's already. Nothing was changed.")
        return reader.id


def _append(
    session: Session, act: str, by: int | None, project_id: int | None = None, said: Mapping[str, object] | None = None
) -> None:
    """An event by an account, or by the lab's owner: whoever may write its files, who is named by their login there."""
    told = dict(said or {}) | ({} if by is not None else {"by": f"command line: {owner()}"})
    access_log.append(session, act, by, project_id, told)


def _end_sign_ins(session: Session, account_id: int, but: int | None = None) -> None:
    """End every open sign-in of an account, except the one numbered `but`."""
    for sign_in, _ in rows.open_sign_ins(session, account_id):
        if sign_in.id != but:
            sign_in.ended_at = now()


def _keep_an_admin(session: Session, leaving: int) -> None:
    for account in rows.all_accounts(session):
        roles = {(role.role, role.project_id) for role in rows.roles_of(session, account.id)}
        if account.id != leaving and account.retired_at is None and (Role.ADMIN, None) in roles:
            return
    if (Role.ADMIN, None) in {(role.role, role.project_id) for role in rows.roles_of(session, leaving)}:
        raise LabError("This is the lab's last admin. Make another one first. Nothing was changed.")


def _proof(account: Account, password: str, code: str) -> Proof | None:
    """How this proves who it is; None where it does not. A code is taken once."""
    if not passwords.is_password(account.password_hash, password):
        return None
    if not account.totp_on or account.totp_secret is None:
        return Proof.PASSWORD
    step = passwords.step_of(account.totp_secret, code, after=account.totp_step)
    if step is None:
        return None
    account.totp_step = step
    return Proof.PASSWORD_AND_CODE


def _person(session: Session, sign_in: SignIn, account: Account) -> Person:
    roles: dict[int | None, frozenset[Role]] = {}
    for row in rows.roles_of(session, account.id):
        roles[row.project_id] = roles.get(row.project_id, frozenset()) | {Role(row.role)}
    return Person(account.id, account.name, account.reader_id, roles, sign_in.id, Proof(sign_in.proof))


def _view(session: Session, account: Account) -> AccountView:
    return AccountView(
        id=account.id,
        name=account.name,
        identity=account.identity,
        reader_id=account.reader_id,
        roles=tuple(RoleView(Role(row.role), row.project_id) for row in rows.roles_of(session, account.id)),
        has_password=account.password_hash is not None,
        second_factor=account.totp_on,
        retired_at=account.retired_at,
    )


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
