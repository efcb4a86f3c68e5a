"""One's own account: what one may do here, a new password, a second factor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.accounts.passwords import LONGEST, SHORTEST, qr_code, secret_of
from ui.people.accounts import roles_in_words
from ui.shell.literal import literal
from ui.shell.session import lab, lab_of_server, refusals, say_next_run
from ui.shell.theme import in_page

if TYPE_CHECKING:
    from mmdnet.accounts.roles import Person

ADDRESS = "second_factor_address"  # of a second factor that is being set up, in this tab alone


def own_account(known: Person) -> None:
    """Roles, password and second factor of whoever sits at this tab."""
    account = lab_of_server().accounts.own(known)
    st.subheader("Your account")
    st.markdown(f"**{literal(account.name)}**: {literal(roles_in_words(account.roles, lab().projects.names()))}")
    if not account.has_password:
        st.caption("You sign in elsewhere: your password and second factor are changed there.")
        return
    left, right = st.columns(2)
    with left:
        _password(known)
    with right:
        _second_factor(known, account.second_factor)
    if (address := st.session_state.get(ADDRESS)) is not None:
        _turn_on(known, address)  # over the whole width: half of a tablet's would cut the picture


def _password(known: Person) -> None:
    with st.form("own_password", clear_on_submit=True):
        st.markdown("**New password**")
        old = st.text_input("Your password now", type="password", key="own_old")
        new = st.text_input("New password", type="password", key="own_new", help=f"{SHORTEST} to {LONGEST} characters.")
        again = st.text_input("New password, once more", type="password", key="own_again")
        if st.form_submit_button("Change password", key="own_change"):
            with refusals():
                if new != again:
                    st.error("The two new passwords differ. Nothing was changed.")
                else:
                    lab_of_server().accounts.change_own_password(known, old, new)
                    say_next_run("Password changed; your other sign-ins have ended")
                    st.rerun()


def _second_factor(known: Person, is_on: bool) -> None:
    accounts = lab_of_server().accounts
    with st.form("own_factor", clear_on_submit=True):
        st.markdown("**Second factor**")
        st.caption(
            "A code of your authenticator app is asked for when you sign in."
            if is_on
            else "None yet. With one, a code of an authenticator app is asked for, too."
        )
        password = st.text_input("Your password", type="password", key="factor_password")
        if st.form_submit_button("Set up a new one" if is_on else "Set up", key="factor_begin"):
            with refusals():
                st.session_state[ADDRESS] = accounts.new_second_factor(known, password)


def _turn_on(known: Person, address: str) -> None:
    with st.form("own_code", clear_on_submit=True):
        st.image(
            in_page(qr_code(address)),
            caption="Scan this with your authenticator app, or enter the key below",
            width=220,
        )
        st.code(secret_of(address), language=None)
        code = st.text_input("The code it shows", key="factor_code")
        if st.form_submit_button("Turn on", type="primary", key="factor_on"):
            with refusals():
                lab_of_server().accounts.confirm_second_factor(known, code)
                del st.session_state[ADDRESS]
                say_next_run("The second factor is asked for from now on")
                st.rerun()
