"""What was typed or chosen on a page and not sent yet: kept in the tab's own storage, so that a reload, a way off the
page and back loses none of it.

It stays in the browser until the page asks for it, comes back as if it were typed again, and goes with the tab, as it
is sent, and as soon as anybody else, or nobody, is signed in there. No field of a password is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui.shell.scripts import bundle
from ui.shell.session import person

MOST_LETTERS = 2000  # of one field; what is longer does not come back
COUNTS = "unsent_counts"  # how often each form was taken back, sent, and asked for
TAKEN, SENT, ASKED = range(3)

Value = str | int | float | bool | None
Take = Callable[[Mapping[str, Value]], None]


@cache
def _component() -> Any:
    js = bundle(Path(__file__).parent / "index.js")
    return st.components.v2.component("mmdnet_unsent", html="<span hidden></span>", js=js)


def keep_unsent(form: str, take: Take, *, known: Mapping[str, Value] | None = None, typed: Sequence[str] = ()) -> None:
    """Keep a form's fields in this tab until it is sent; to be called before they are drawn.

    Args:
        form: its name, another for each thing that is filled in: a report has a form of its own.
        take: is given what was kept, by key, before a run that begins with it; what it finds is what a browser sent,
            so it takes only what a person could have entered. Never called with a key that is neither known nor typed.
        known: fields whose values the page has, by Streamlit's key: empty or None where there is nothing to keep.
        typed: Streamlit's keys of fields whose values only the browser has until they are sent or left.
    """
    who = person()
    component, fields = f"unsent_{form}", {*(known or {}), *typed}
    times = st.session_state.setdefault(COUNTS, {}).get(form, [0, 0, 0])

    def taken() -> None:
        _count(form, TAKEN)
        take(_plain(st.session_state[component].kept, fields))

    _component()(
        key=component,
        data={
            "whose": str(who.account_id) if who else "anybody",
            "form": form,
            "known": dict(known or {}),
            "typed": list(typed),
            "taken": times[TAKEN],
            "sent": times[SENT],
            "asked": times[ASKED],
        },
        on_kept_change=taken,
    )


def sent_now(form: str) -> None:
    """The form is sent: what was kept of it is dropped."""
    _count(form, SENT)


def bring_back(form: str) -> None:
    """The form's fields were not drawn for a while and are empty: have the tab fill them in again."""
    _count(form, ASKED)


def forget_unsent() -> None:
    """Drop all that this tab keeps: nobody is signed in here."""
    _component()(key="unsent_of_nobody", data={"whose": None}, on_kept_change=lambda: None)


def _count(form: str, which: int) -> None:
    times = st.session_state.setdefault(COUNTS, {}).setdefault(form, [0, 0, 0])
    times[which] += 1


def _plain(sent: object, fields: set[str]) -> dict[str, Value]:
    """What of the browser's answer is of this form, and no more than a field holds."""
    if not isinstance(sent, Mapping):
        return {}
    return {
        key: value
        for key, value in sent.items()
        if key in fields and (value is None or isinstance(value, str | int | float)) and len(str(value)) <= MOST_LETTERS
    }
