"""Everybody's accounts, for who may administer: roles by project, passwords, sign-ins; and the log of access."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.accounts.roles import May, Role
from mmdnet.tables import to_csv
from mmdnet.workflows.people.log_words import did_in_words
from mmdnet.workflows.people.views import role_words
from ui.shell.literal import literal, plain
from ui.shell.session import lab, may, refusals, say_next_run
from ui.shell.tables import table_height
from ui.shell.words import NOTHING, told_apart

if TYPE_CHECKING:
    from mmdnet.workflows.people.views import AccessView, AccountView, RoleView, SignInView

EVERYWHERE = "every project"
EVENTS = 500  # how many of the newest events are drawn
LOG_COLUMNS = ("time", "account", "act", "project", "of")


def roles_in_words(roles: Sequence[RoleView], projects: Mapping[int, str]) -> str:
    """ "admin; reader in Cohort": roles in every project first, then those of one."""
    return "; ".join(role_words(roles, projects)) or "no role yet"


def account_row(account: AccountView, projects: Mapping[int, str]) -> dict[str, str]:
    """A line of the table of accounts."""
    ways = ["by password"] if account.has_password else []
    ways += [f"elsewhere, as {plain(account.identity)}"] if account.identity else []
    signs_in = " or ".join(ways) or NOTHING
    return {
        "Account": plain(account.name),
        "Roles": "disabled" if account.retired_at else plain(roles_in_words(account.roles, projects)),
        "Signs in": f"{signs_in} and code" if account.second_factor else signs_in,
    }


def event_row(event: AccessView, projects: Mapping[int, str]) -> dict[str, str]:
    """A line of the log's file, as the log keeps it; who ran a command stands where an account would."""
    of = " ".join(f"{name}={value}" for name, value in event.said.items() if name != "by")
    project = "" if event.project_id is None else projects.get(event.project_id, f"project {event.project_id}")
    told = (
        f"{event.at:%Y-%m-%d %H:%M:%S} UTC",
        event.account or str(event.said.get("by", NOTHING)),
        event.act,
        project,
        of,
    )
    return dict(zip(LOG_COLUMNS, map(plain, told), strict=True))


def accounts_of_all() -> None:
    """The table of accounts, a new one, and what can be done with one."""
    st.subheader("Accounts")
    accounts, projects = lab().accounts.list(), lab().projects.names()
    rows = [account_row(account, projects) for account in accounts]
    st.dataframe(rows, hide_index=True, height=table_height(len(rows), 12))
    _add(projects)
    active = {account.id: account for account in accounts if account.retired_at is None}
    names = told_apart({key: plain(account.name) for key, account in active.items()})
    chosen = st.selectbox(
        "Account to change",
        list(active),
        index=None,
        format_func=names.__getitem__,
        placeholder="Choose an account",
        key="account",
    )
    if chosen is not None:
        _change(active[chosen], projects)


def _add(projects: Mapping[int, str]) -> None:
    with st.expander("Add an account", icon=":material/person_add:"), st.form("add_account", clear_on_submit=False):
        name = st.text_input("Name", key="add_name", max_chars=80)
        role, project = _role_and_project(projects, "add")
        password = st.text_input("First password", type="password", key="add_password", help="To be changed by them.")
        identity = st.text_input(
            "Or who they are at the identity provider",
            key="add_identity",
            help="An e-mail address it has verified, issuer#subject, or the name the web server in front says.",
        )
        if st.form_submit_button("Add account", type="primary", key="add_do"):
            with refusals():
                made = lab().accounts.add(name, password or None, identity or None, roles=[(role, project)])
                say_next_run(f"{made.name} can sign in")
                st.rerun()


def _role_and_project(projects: Mapping[int, str], key: str) -> tuple[Role, int | None]:
    left, right = st.columns(2)
    role = left.selectbox("Role", tuple(Role), format_func=str, key=f"{key}_role")
    places = told_apart({None: EVERYWHERE} | {number: plain(name) for number, name in projects.items()})
    project = right.selectbox(
        "In",
        list(places),
        format_func=places.__getitem__,
        key=f"{key}_project",
    )
    return Role(str(role)), project


def _change(account: AccountView, projects: Mapping[int, str]) -> None:
    accounts = lab().accounts
    with st.container(border=True):
        st.markdown(f"**{literal(account.name)}**: {literal(roles_in_words(account.roles, projects))}")
        role, project = _role_and_project(projects, "change")
        with st.container(horizontal=True):
            if st.button("Give role", key="give"):
                _do(lambda: accounts.grant(account.id, role, project), "Role given")
            if st.button("Take role", key="take"):
                _do(lambda: accounts.take(account.id, role, project), "Role taken away")
            with st.popover("Disable"):
                st.markdown("Nobody signs in by it any more; what it did stays. It cannot be undone.")
                if st.button("Disable for good", key="disable"):
                    _do(lambda: accounts.retire(account.id), "Account disabled")
        with st.form("reset", clear_on_submit=True):
            password = st.text_input("New password for them", type="password", key="reset_password")
            if st.form_submit_button("Reset password", key="reset_do", help="Ends their sign-ins and second factor."):
                _do(lambda: accounts.set_password(account.id, password), "Password reset")
        _sign_ins([each for each in accounts.sign_ins() if each.account_id == account.id])


def _sign_ins(live: Sequence[SignInView]) -> None:
    if not live:
        st.caption("Not signed in.")
        return
    for each in live:
        since = f"Signed in since {each.created_at:%Y-%m-%d %H:%M} UTC, last seen {each.seen_at:%H:%M} UTC"
        st.markdown(f"{literal(since)} ({literal(each.proof)})")
    if st.button("End their sign-ins", key="end_sign_ins"):
        _do(lambda: _end(live), "Sign-ins ended")


def _end(live: Sequence[SignInView]) -> None:
    for each in live:
        lab().accounts.end(each.id)


def _do(act: Callable[[], object], sentence: str) -> None:
    """Do it and draw the page anew; a refusal is shown where the button is."""
    with refusals():
        act()
        say_next_run(sentence)
        st.rerun()


def log_of_access() -> None:
    """Who signed in, looked, took out, deleted or changed what: the newest events, and a file of them."""
    st.subheader("Log of access")
    events, projects = lab().accounts.log(EVENTS), lab().projects.names()
    names = {account.id: account.name for account in lab().accounts.list()} if may(May.ADMINISTER, None) else {}
    if not events:
        st.caption("Nothing yet.")
        return
    rows = [event_row(event, projects) for event in events]
    shown = [
        {
            "When": row["time"],
            "Who": row["account"],
            "Did": plain(did_in_words(event, names)),
            "Project": row["project"],
        }
        for event, row in zip(events, rows, strict=True)
    ]
    st.dataframe(shown, hide_index=True, height=table_height(len(shown), 12))
    st.caption("Newest first. The log is chained by hash; mmdnet audit verify checks it.")
    st.download_button("Download as CSV", to_csv(LOG_COLUMNS, rows), "access-log.csv", "text/csv", key="log_csv")
