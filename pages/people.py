"""People: one's own password and second factor; who signs in, what they may do, and what they did."""

import shlex

import streamlit as st

from mmdnet.accounts.roles import May
from ui.people import accounts, own
from ui.shell.session import lab_of_server, person, project_or_stop

known = person()
if known is None:
    project_or_stop("People")
st.title("People")

if known is None:
    st.info(
        "This lab asks nobody who they are: a reader is the name one chooses, and reports say that the signer is not "
        "proven. From the first account on it asks. Whoever owns the lab's files makes it by a command:"
    )
    home = shlex.quote(str(lab_of_server().settings.home.resolve()))
    st.code(f".venv/bin/mmdnet accounts add NAME --role admin --home {home}", language=None, wrap_lines=True)
else:
    allowed = known.allowed(None)
    own.own_account(known)
    if May.ADMINISTER in allowed:
        accounts.accounts_of_all()
    if May.AUDIT in allowed:
        accounts.log_of_access()
