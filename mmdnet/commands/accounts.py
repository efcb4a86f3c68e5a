"""`mmdnet accounts ...` and `mmdnet readers ...`: who may do what, for whoever owns the lab's files.

These commands ask for no account: whoever may write the lab's folder may do all of it, and what they do is in the log.
"""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmdnet.accounts.roles import Role
from mmdnet.cli_parts import AsJson, Home, lab_at, project_called, reader_called, say
from mmdnet.errors import LabError
from mmdnet.workflows.people.views import role_words

if TYPE_CHECKING:
    from mmdnet.workflows.lab import Lab
    from mmdnet.workflows.people.views import AccountView

accounts_app = typer.Typer(
    help="Who signs in, and what they may do. From the first account on the lab asks.", no_args_is_help=True
)
readers_app = typer.Typer(help="Names of readers: rename, merge, retire. Labels are untouched.", no_args_is_help=True)

InProject = Annotated[str | None, typer.Option("--project", "-p", help="Only in this project; else in all.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="File that holds the password in its first line; else it is asked for.")
]
AnAccount = Annotated[str, typer.Argument(help="Name of the account.")]
AReader = Annotated[str, typer.Argument(help="Name of the reader.")]


def account_called(lab: Lab, name: str) -> AccountView:
    """The account of that name.

    Raises:
        LabError: there is none.
    """
    accounts = lab.accounts.list()
    for account in accounts:
        if account.name.lower() == name.lower():
            return account
    known = ", ".join(account.name for account in accounts) or "none yet"
    raise LabError(f"There is no account called {name}. Known are: {known}.")


@accounts_app.command("add")
def accounts_add(
    name: AnAccount,
    role: Annotated[list[Role], typer.Option("--role", help="What it may do; may be repeated.")],
    project: InProject = None,
    identity: Annotated[
        str | None, typer.Option(help="E-mail address or issuer#subject at the identity provider, or the proxy's name.")
    ] = None,
    reader: Annotated[
        str | None, typer.Option(help="Whose labels are theirs (default: of the account's name).")
    ] = None,
    password_file: PasswordFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Add an account with a role. With the first one the lab begins to ask who comes."""
    lab = lab_at(home)
    project_id = project_called(lab, project) if project else None
    first = not lab.accounts.list()
    if first and Role.ADMIN not in role:
        raise LabError("The first account must be an admin: add --role admin. Nothing was changed.")
    password = None if identity and password_file is None else _password(password_file)
    if first and project_id is not None and set(role) == {Role.ADMIN}:
        raise LabError("The first account is an admin of the whole lab: leave out --project. Nothing was changed.")
    given = [(each, None if first and each is Role.ADMIN else project_id) for each in role]
    account = lab.accounts.add(name, password, identity, reader, given)
    asks = " From now on the lab asks who comes." if first else ""
    say(as_json, account, f"{account.name}: {_roles(lab, account)}.{asks}")


@accounts_app.command("list")
def accounts_list(home: Home = None, as_json: AsJson = False) -> None:
    """List accounts and their roles."""
    lab = lab_at(home)
    accounts = lab.accounts.list()
    lines = [
        f"{account.name}: {_roles(lab, account)}" + ("; second factor" if account.second_factor else "")
        for account in accounts
    ]
    say(as_json, accounts, "\n".join(lines) or "There are no accounts: the lab asks nobody who they are.")


@accounts_app.command("role")
def accounts_role(
    name: AnAccount,
    role: Annotated[Role, typer.Argument(help="reader, adjudicator, lead, admin or auditor.")],
    project: InProject = None,
    take: Annotated[bool, typer.Option("--take", help="Take it away instead.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Give a role, or take it away."""
    lab = lab_at(home)
    project_id = project_called(lab, project) if project else None
    change = lab.accounts.take if take else lab.accounts.grant
    account = change(account_called(lab, name).id, role, project_id)
    say(as_json, account, f"{account.name}: {_roles(lab, account)}.")


@accounts_app.command("retire")
def accounts_retire(name: AnAccount, home: Home = None, as_json: AsJson = False) -> None:
    """Let nobody sign in by it any more; what it did stays."""
    lab = lab_at(home)
    account = lab.accounts.retire(account_called(lab, name).id)
    say(as_json, account, f"{account.name} is retired.")


@accounts_app.command("password")
def accounts_password(
    name: AnAccount, password_file: PasswordFile = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Set a new password; its sign-ins end, and a second factor is to be set up anew."""
    lab = lab_at(home)
    account = account_called(lab, name)
    lab.accounts.set_password(account.id, _password(password_file))
    say(as_json, {"account": account.name}, f"{account.name} has a new password.")


@accounts_app.command("sign-ins")
def accounts_sign_ins(
    end: Annotated[int | None, typer.Option(help="End the one with this number.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List who is signed in, or end one."""
    lab = lab_at(home)
    if end is not None:
        lab.accounts.end(end)
    live = lab.accounts.sign_ins()
    lines = [f"{each.id}  {each.account}  since {each.created_at:%Y-%m-%d %H:%M} UTC, {each.proof}" for each in live]
    say(as_json, live, "\n".join(lines) or "Nobody is signed in.")


@accounts_app.command("log")
def accounts_log(
    lines: Annotated[int, typer.Option(help="How many of the newest events.")] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The log of access: sign-ins, views, exports, deletions, changes of roles."""
    from mmdnet.workflows.people.log_words import did_in_words

    accounts = lab_at(home).accounts
    events, names = accounts.log(lines), {account.id: account.name for account in accounts.list()}
    told = [
        f"{event.at:%Y-%m-%d %H:%M:%S}  {event.account or event.said.get('by', '-')}  {did_in_words(event, names)}"
        for event in events
    ]
    say(as_json, events, "\n".join(told) or "Nothing yet.")


@accounts_app.command("proxy-secret")
def accounts_proxy_secret(home: Home = None) -> None:
    """Print what the web server in front must send as X-Lab-Proxy-Secret (see docs/security.md)."""
    from mmdnet.accounts.proxy import proxy_secret

    print(proxy_secret(lab_at(home).settings.home))


@readers_app.command("list")
def readers_list(home: Home = None, as_json: AsJson = False) -> None:
    """List readers that are not retired."""
    readers = lab_at(home).readers.list()
    say(as_json, readers, "\n".join(reader.name for reader in readers) or "None yet.")


@readers_app.command("rename")
def readers_rename(
    reader: AReader,
    name: Annotated[str, typer.Argument(help="The new name.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Give a reader another name."""
    lab = lab_at(home)
    view = lab.readers.rename(reader_called(lab, reader), name)
    say(as_json, view, f"{reader} is {view.name} now.")


@readers_app.command("merge")
def readers_merge(
    reader: AReader,
    into: Annotated[str, typer.Argument(help="The reader that is the same person.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say that two readers are one person: nobody is blind to what they gave under another name."""
    lab = lab_at(home)
    lab.readers.merge(reader_called(lab, reader), reader_called(lab, into))
    say(as_json, {"reader": reader, "into": into}, f"{reader} is {into}.")


@readers_app.command("retire")
def readers_retire(reader: AReader, home: Home = None, as_json: AsJson = False) -> None:
    """Offer a reader no more; what they gave stays."""
    lab = lab_at(home)
    lab.readers.retire(reader_called(lab, reader))
    say(as_json, {"reader": reader}, f"{reader} is retired.")


def _password(file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").splitlines()[0]
        except (OSError, UnicodeDecodeError, IndexError) as error:
            raise LabError(f"The password cannot be read from {file}. Nothing was changed.") from error
    if not sys.stdin.isatty():
        raise LabError("A password is asked for at a terminal; elsewhere name a --password-file. Nothing was changed.")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != first:
        raise LabError("The two passwords differ. Nothing was changed.")
    return first


def _roles(lab: Lab, account: AccountView) -> str:
    if account.retired_at:
        return "retired"
    return ", ".join(role_words(account.roles, lab.projects.names())) or "no role"
