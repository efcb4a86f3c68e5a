"""A press of a button is kept until the page has come to what it asks for.

Streamlit tells a script of a press in one run alone. On a busy machine that run may be given up before it comes to the
button, for another press, a field that was left or a page that draws itself anew: then nothing happens. Here a press
is noted as the run begins, and stands until the button's own place in the page asks for it (`pressed`, `submitted`),
once; where the run is given up between the button and what it asks for, it stands again (`given_up`). It is forgotten
when another page or project is opened, and counts for what the person saw: pressed again before the page shows what the
first press did (`answered`), it asks for nothing more.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

KEPT, TAKEN, ROUND = "presses_kept", "presses_taken", "presses_round"
PLACE, OPEN, VISIT = "presses_place", "presses_open", "presses_visit"


def pressed(label: str, *, key: str, **look: Any) -> bool:
    """A button, `st.button`'s `look`; whether it was pressed and that was not acted upon yet."""
    st.button(label, key=key, on_click=_keep, args=(key, _round(key)), **look)
    return _take(key) and not look.get("disabled", False)


def submitted(label: str, *, key: str, **look: Any) -> bool:
    """The same for the button that sends the form it stands in."""
    st.form_submit_button(label, key=key, on_click=_keep, args=(key, _round(key)), **look)
    return _take(key) and not look.get("disabled", False)


def answered(key: str) -> None:
    """What the button asks for is done: presses made before the page is drawn anew are of that same wish."""
    st.session_state.setdefault(ROUND, {})[key] = _round(key) + 1
    st.session_state.get(TAKEN, set()).discard(key)


def at_page(name: str, project_id: int | None) -> None:
    """Say which page of which project is drawn, as its run begins: presses of another are forgotten."""
    st.session_state.pop(TAKEN, None)
    if st.session_state.get(PLACE) != (name, project_id):
        st.session_state[PLACE] = (name, project_id)
        st.session_state[VISIT] = visit() + 1
        st.session_state.pop(KEPT, None)
        st.session_state.pop(OPEN, None)


def visit() -> int:
    """Which visit to a page of this tab it is: the next one begins when another page or project is opened."""
    number: int = st.session_state.get(VISIT, 0)
    return number


def keep_open(dialog: str) -> None:
    """From now on `stays_open`: Streamlit shuts a dialog when the page draws itself anew, as it does after each job."""
    st.session_state[OPEN] = dialog


def stays_open(dialog: str) -> bool:
    """Whether the page is to draw this dialog: it was opened, and neither dismissed (`shut`) nor left with its page."""
    return st.session_state.get(OPEN) == dialog


def shut() -> None:
    """The dialog is dismissed, or what it asked is done."""
    st.session_state.pop(OPEN, None)


def given_up() -> None:
    """The run ends before its page does: presses that it took and did not answer wait for the next."""
    st.session_state.setdefault(KEPT, set()).update(st.session_state.pop(TAKEN, set()))


def _round(key: str) -> int:
    return st.session_state.get(ROUND, {}).get(key, 0)


def _keep(key: str, drawn_in: int) -> None:
    if drawn_in == _round(key):
        st.session_state.setdefault(KEPT, set()).add(key)


def _take(key: str) -> bool:
    kept: set[str] = st.session_state.get(KEPT, set())
    if key not in kept:
        return False
    kept.discard(key)
    st.session_state.setdefault(TAKEN, set()).add(key)
    return True
