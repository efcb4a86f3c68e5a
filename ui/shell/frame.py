"""What surrounds every page: navigation, project, reader, running jobs, and the one footer."""

from __future__ import annotations

import logging
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

from mmdnet.errors import LabError
from mmdnet.troubles import trouble_of
from ui.server.door import under_base
from ui.server.settled import freeze_loaded
from ui.shell import theme
from ui.shell.jobs import running_jobs
from ui.shell.literal import in_html, literal, plain
from ui.shell.memory import choose_reader, keep_reader
from ui.shell.pages import PAGES
from ui.shell.presses import at_page, given_up
from ui.shell.session import (
    LostLink,
    at,
    go_to_picked,
    keep_address,
    lab,
    lab_of_server,
    leave_link,
    lost_link,
    person,
    project_id,
    reader,
    said,
    sign_out,
    undecided,
)
from ui.shell.sign_in import PAGE as SIGN_IN
from ui.shell.sign_in import asked, provider_configured
from ui.shell.unsent import forget_unsent
from ui.shell.words import told_apart

MARK = Path(__file__).with_name("mark.svg")
ICON = Path(__file__).with_name("icon.svg")  # a Material icon here would be fetched from the internet
WENT_WRONG = (
    "The page could not be drawn because of a fault in the program. Nothing you saved is lost. "
    "Reload the page; if it happens again, the server's log says where."
)


def draw() -> None:
    """Draw one run of the app: the frame, and the page the address names inside it."""
    st.set_page_config(page_title="MMD-Net lab", page_icon=str(ICON), layout="wide")
    theme.apply_styles()
    if asked(lab_of_server()) and person() is None:
        _ask_to_sign_in()
        return
    first, *_ = PAGES
    page = st.navigation(
        [
            st.Page(
                listed.file,
                title=listed.title,
                icon=f":material/{listed.icon}:",
                help=listed.help,
                default=listed == first,
            )
            for listed in PAGES
        ],
        expanded=True,  # the report, which all else is for, is among the last
    )
    st.logo(MARK, size="large", link=None)
    body = st.container()
    _footer()  # written before the page, so that it stands under one that stops early, too
    name = page.url_path or first.name
    try:
        if (lost := lost_link()) is not None:
            with body:
                _lost(lost, page.title)
            with st.sidebar:
                _signed_in()
            return
        _sidebar(greets=page.url_path == "" and undecided())
        at_page(name, at("project"))
        keep_address(name)
        for sentence in said():
            st.toast(literal(sentence), icon=":material/check:")
        with body:
            _where()
            page.run()
        freeze_loaded(name)
    except RerunException:
        given_up()
        raise
    except Exception as fault:
        with body:
            show_fault(fault)


def _lost(lost: LostLink, title: str) -> None:
    """A link that leads to nothing: what it names, and the way on."""
    st.title(literal(title))
    st.warning(literal(lost.sentence), icon=":material/link_off:")
    if lost.project_id is None:
        st.page_link("pages/overview.py", label="Open the Overview", icon=":material/home:")
        return
    project = lab().projects.names()[lost.project_id]
    st.button(
        f"Open {literal(title)} of {literal(project)}",
        icon=":material/arrow_forward:",
        type="primary",
        key="leave_link",
        on_click=leave_link,
        args=(lost.project_id,),
    )


def _ask_to_sign_in() -> None:
    """What there is to see for whoever has not signed in, or no more."""
    st.title("MMD-Net lab")
    forget_unsent()
    if not provider_configured():
        st.info("You are not signed in any more. What you saved is kept.")
        st.link_button("Sign in", under_base(SIGN_IN), type="primary")
    elif st.user.is_logged_in:
        st.warning("You signed in, but this lab has no account for you. Ask an admin of the lab to add one.")
        st.button("Sign in as somebody else", on_click=st.logout)
    else:
        st.button("Sign in", type="primary", on_click=st.login)
    _footer()


def show_fault(fault: Exception) -> bool:
    """What no page caught: a refusal is shown as its sentence, any other fault as one calm sentence, and logged."""
    if isinstance(fault, LabError):
        st.error(literal(str(fault)), icon=":material/error:")
    elif (trouble := trouble_of(fault)) is not None:
        logging.getLogger("mmdnet.ui").error(
            "a page could not be drawn: %s (%s)", trouble, getattr(fault, "orig", fault)
        )
        st.error(literal(trouble), icon=":material/error:")
    else:
        logging.getLogger("mmdnet.ui").error("a page failed", exc_info=fault)
        st.error(WENT_WRONG, icon=":material/error:")
    return True


def _sidebar(greets: bool) -> None:
    with st.sidebar:
        _signed_in()
        _project_picker(greets)
        _reader_picker()
        running_jobs()


def _signed_in() -> None:
    """Who signed in, and the way out."""
    if (known := person()) is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{literal(known.name)}**", width="stretch")
        st.button("Sign out", icon=":material/logout:", on_click=sign_out, key="sign_out")


def _project_picker(greets: bool) -> None:
    """Which project; where the page greets, none is chosen for whoever comes."""
    names = told_apart({key: plain(name) for key, name in lab().projects.names().items()})
    if not names:
        return
    st.session_state["pick_project"] = None if greets else project_id(names)
    st.selectbox(
        "Project",
        list(names),
        format_func=names.__getitem__,
        key="pick_project",
        placeholder="Choose one",
        on_change=go_to_picked,
        args=("project", "pick_project", list(names)),
    )


def _reader_picker() -> None:
    if person() is not None:
        return
    choose_reader("pick_reader", "Reader")
    if "reader_id" in st.session_state:  # else nobody has said: what the tab keeps may be another lab's reader
        current = reader()
        keep_reader(current.name if current else None)


def _where() -> None:
    """Which project, and who reads, beside the lab's name: drawn only while the side bar, which says so, is folded."""
    place, who = lab().projects.names().get(at("project") or 0), reader()
    named = [name for name in (place, who.name if who is not None else None) if name]
    st.html(f'<div class="mmd-where">{in_html(" · ".join(named))}</div>')


def _footer() -> None:
    st.html(f'<div class="mmd-foot">{theme.FOOTER}</div>')
