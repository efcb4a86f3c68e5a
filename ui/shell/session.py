"""The lab, and where in it this browser tab is: typed session state, mirrored in the address, so that links work.

A link (query parameters) wins over what the tab remembered; choosing something writes both. The reader is never in
the address: a link must not make a colleague sign with another's name.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import streamlit as st

from mmdnet.accounts.roles import May, Person, Proof, Refused
from mmdnet.errors import LabError
from ui.shell.access import remembered_reader, told_reader
from ui.shell.literal import literal
from ui.shell.pages import BELOW_PROJECT, NAMED, PLACES, Place, address_of
from ui.shell.sign_in import asked, person_of, provider_configured
from ui.shell.words import AT_READER, told_apart

if TYPE_CHECKING:
    from mmdnet.workflows.lab import Lab
    from mmdnet.workflows.views import ProjectView, ReaderView

ON_ITS_WAY_S = 1.0  # an address older than the newest may still come with a press this long after that was written
KNOWN_FOR_S = 2.0  # how long a tab believes who it is: an ended sign-in stops working after this


@st.cache_resource(show_spinner="Opening the lab")
def lab_of_server() -> Lab:
    """The lab of this server, opened once, with all its rights: pages take `lab`."""
    from mmdnet.lab import open_lab
    from mmdnet.settings import load_settings

    return open_lab(load_settings().for_pages())


def lab() -> Lab:
    """The lab as whoever sits at this tab may use it."""
    opened = lab_of_server()
    if not asked(opened):  # first: a page calls this often, and `person` asks the same
        return opened
    known = person()
    if known is None:
        raise Refused("You are not signed in any more. Reload the page and sign in; what you saved is kept.")
    from mmdnet.workflows.guarded import guarded

    return guarded(opened, known)


def person() -> Person | None:
    """Who signed in at this tab; None where nobody did, or the lab asks nobody. Asked anew every few seconds."""
    opened = lab_of_server()
    if not asked(opened):
        return None
    known, when = st.session_state.get("person", (None, -KNOWN_FOR_S))
    if time.monotonic() - when >= KNOWN_FOR_S:
        by_provider = provider_configured() and not opened.settings.proxy_header
        known = _by_provider(opened) if by_provider else None
        known = known or person_of(opened, st.context.cookies, st.context.headers)
        st.session_state["person"] = (known, time.monotonic())
    return known


def may(what: May, project_id: int | None) -> bool:
    """Whether whoever sits at this tab may do that in a project (None: in every one); all where nobody is asked."""
    known = person()
    return known is None or what in known.allowed(project_id)


def _by_provider(opened: Lab) -> Person | None:
    """Whom Streamlit's sign-in by an identity provider names, by issuer and subject, or an address it has verified."""
    if not st.user.is_logged_in:
        return None
    claims = st.user.to_dict()
    who = [f"{claims.get('iss')}#{claims.get('sub')}"]
    if claims.get("email_verified") is True and claims.get("email"):
        who.append(str(claims["email"]))
    when = datetime.fromtimestamp(int(str(claims.get("iat") or 0)), UTC)
    token = f"provider {who[0]} {claims.get('iat')} {claims.get('nonce')}"
    return opened.accounts.person(opened.accounts.sign_in_elsewhere(who, Proof.PROVIDER, token, when) or "")


def sign_out() -> None:
    """End the sign-in of this tab, everywhere it is used; an identity provider is told by Streamlit."""
    known = person()
    if known is not None:
        lab_of_server().accounts.sign_out(known)
    st.session_state.pop("person", None)
    if provider_configured() and st.user.is_logged_in:
        st.logout()


@dataclass(frozen=True, slots=True)
class LostLink:
    """A link that leads to nothing: why, in a sentence, and the project it may still mean (None: none is known)."""

    sentence: str
    project_id: int | None


def lost_link() -> LostLink | None:
    """Whether the address was brought by a person and names what is not there: then no page opens something else.

    What this tab wrote itself is not looked up again. A link into another project leaves all that was below the last.
    Where the project it names is there, the tab is in it from now on, so that the next page is not another project's.
    """
    brought = {
        place: written
        for place in PLACES
        if (written := st.query_params.get(place)) is not None and written != str(st.session_state.get(f"at_{place}"))
    }
    if not brought:
        return None
    names = lab().projects.names()
    remembered = st.session_state.get("at_project")
    project = remembered if remembered in names else next(iter(names), None)
    for place, written in brought.items():
        if not _is_number(written):
            said = f"This link names the {NAMED[place]} “{written[:40]}”, and a {NAMED[place]} has a number for a name."
            return LostLink(f"{said} Nothing was opened in its place.", project)
        if place == "project":
            project = int(written)
            if project not in names:
                of = "this lab" if person() is None else "this lab or not open to you"
                return LostLink(f"This link leads to project {project}, which is not in {of}.", next(iter(names), None))
            if project != remembered:
                _begin_in(project)
        elif project is None or not lab().projects.holds(project, place, int(written)):
            where = f"in the project {names[project]}" if project else "here, as there is no project yet"
            said = f"This link leads to {NAMED[place]} {int(written)}, which is not {where}."
            return LostLink(f"{said} Nothing was opened in its place.", project)
    if project != remembered:
        for place in BELOW_PROJECT:
            if place not in brought:
                go_to(place, None)
    return None


def _begin_in(project: int) -> None:
    """Be in the project that the address names; what was open in the last one is not."""
    for place in BELOW_PROJECT:
        st.session_state.pop(f"at_{place}", None)
    st.session_state["at_project"] = project


def leave_link(project_id: int | None) -> None:
    """Forget the address that was brought, and work in that project."""
    for place in PLACES:
        st.query_params.pop(place, None)
    if project_id is not None:
        go_to("project", project_id)


def _is_number(written: str) -> bool:
    return written.isascii() and written.isdecimal() and len(written) < 16


def at(place: Place) -> int | None:
    """The id this tab is at, from the address if it says so, else as remembered."""
    written = st.query_params.get(place)
    if written is not None and _is_number(written):
        st.session_state[f"at_{place}"] = int(written)
    return st.session_state.get(f"at_{place}")


def go_to(place: Place, key: int | None) -> None:
    """Be at that id from now on, in this tab and in its address; None leaves the place."""
    if place == "project" and key != at("project"):
        for below in BELOW_PROJECT:
            go_to(below, None)
    if place == "slide" and key != at("slide"):
        go_to("patch", None)
    if key is None:
        st.session_state.pop(f"at_{place}", None)
        st.query_params.pop(place, None)
    else:
        st.session_state[f"at_{place}"] = key
        st.query_params[place] = str(key)


def pick_linked(place: Place, label: str, names: Mapping[int, str], lost: str, **look: Any) -> int:
    """A select box of what a page can show, by id; which is shown, the first where neither address nor tab says so.

    A link to what is not among them draws the sentence `lost` and nothing else: never another patient's in its place.
    A name must stay as it is while the page is open: the browser knows what is chosen by its name.
    """
    names = told_apart(names)
    ids, key = list(names), f"pick_{place}"
    asked = at(place)
    shown = asked if asked in ids else None if asked is not None else ids[0]
    if shown is not None and asked != shown:
        go_to(place, shown)
    st.session_state[key] = shown
    st.selectbox(
        label,
        ids,
        format_func=names.__getitem__,
        key=key,
        on_change=go_to_picked,
        args=(place, key, ids),
        **look,
    )
    if shown is None:
        st.warning(literal(lost))
        st.stop()
    return shown


def go_to_picked(place: Place, key: str, ids: Collection[int]) -> None:
    """Go where a person chose; a name that has changed under the browser comes back as text, and is no choice."""
    if (chosen := st.session_state[key]) in ids:
        go_to(place, chosen)


def keep_address(page: str) -> None:
    """After a change of page, write what this page's address should name, and nothing else."""
    known: tuple[dict[str, str], float] | None = st.session_state.get("address")
    said = {place: st.query_params[place] for place in st.query_params if place in PLACES}
    if known and "project" in said and said != known[0] and time.monotonic() - known[1] > ON_ITS_WAY_S:
        for place in address_of(page):  # the browser went back or forward: what that entry does not name is not open
            if place not in said:
                go_to(place, None)
    wanted = {place: str(key) for place in address_of(page) if (key := at(place)) is not None}
    for place in PLACES:
        at(place)  # a link's places are remembered even where this page does not name them
    if {key: st.query_params[key] for key in st.query_params if key in PLACES} != wanted:
        for place in PLACES:
            if place in wanted:
                st.query_params[place] = wanted[place]
            else:
                st.query_params.pop(place, None)
    st.session_state["address"] = (wanted, time.monotonic())


def undecided() -> bool:
    """Whether this tab is at no project yet, and none of a person's own was there as it came: it is greeted.

    It stays so whatever comes in meanwhile, such as the demo: a form must not go from under the hands that fill it.
    """
    if at("project") is not None:
        return False
    if "greeted" not in st.session_state:
        st.session_state["greeted"] = all(project.simulated for project in lab().projects.list())
    return bool(st.session_state["greeted"])


def project_id(known: Collection[int]) -> int | None:
    """Which of the known projects this tab works in: the one asked for, else the first there is."""
    chosen = at("project")
    if chosen not in known:
        chosen = next(iter(known), None)
        if chosen is not None:
            go_to("project", chosen)
    return chosen


def project() -> ProjectView | None:
    """The project this tab works in, with what it holds: counted anew at each call, so a page asks once."""
    chosen = project_id(lab().projects.names())
    return None if chosen is None else lab().projects.get(chosen)


def project_or_stop(title: str | None = None) -> ProjectView:
    """The project to draw; where there is none yet, say how to begin under the page's title and draw nothing more."""
    chosen = project()
    if chosen is None:
        if title:
            st.title(title)
        st.info(
            "There is no project yet. A project holds the slides that are labelled, trained on and scored together."
        )
        st.page_link("pages/overview.py", label="Make the first project", icon=":material/add:")
        st.stop()
    return chosen


def nobody_reads(because: str = "what you give carries it", under: str = f" under {AT_READER}") -> str:
    """What to do where `reader` is None, in a sentence.

    Args:
        because: why this place asks who reads.
        under: where that is said; empty where the place itself offers it (`ui.shell.memory`).
    """
    if person() is None:
        return f"Who is reading? Choose or type your name{under}: {because}."
    return "Your account reads no slides: ask an admin of the lab for the role of a reader in this project."


def reader() -> ReaderView | None:
    """Who is reading in this tab; None until someone said so.

    After a reload or a restart of the lab, a tab that was labelling is still its session's reader's. Whoever signed in
    reads under their own name only.
    """
    if (known := person()) is not None:
        return None if known.reader_id is None else lab().readers.get(known.reader_id)
    if "reader_id" not in st.session_state and (remembered := _remembered_reader()) is not None:
        st.session_state["reader_id"] = remembered
    key = st.session_state.get("reader_id")
    return next((view for view in lab().readers.list() if view.id == key), None)


def _remembered_reader() -> int | None:
    """Who read in this tab before it was loaded: by its session's cookie, else by the name it told as it connected."""
    session_id = at("session")
    known = None if session_id is None else remembered_reader(lab(), st.context.cookies, session_id)
    if known is None and (name := told_reader(st.context.headers)):
        known = next((view.id for view in lab().readers.list() if view.name == name), None)
    return known


def reader_id() -> int | None:
    """The id of who is reading in this tab; None until someone said so."""
    who = reader()
    return None if who is None else who.id


def set_reader(key: int | None) -> None:
    """Remember for this tab who is reading."""
    st.session_state["reader_id"] = key


@contextmanager
def refusals() -> Iterator[None]:
    """Show a refusal (LabError) as the sentence it is and go on drawing the page."""
    try:
        yield
    except LabError as refusal:
        st.error(literal(str(refusal)), icon=":material/error:")


@contextmanager
def refusals_next_run() -> Iterator[None]:
    """The same in a widget's callback, which draws nothing: the sentence shows in the run that follows."""
    try:
        yield
    except LabError as refusal:
        say_next_run(str(refusal))


def open_page(page: str) -> NoReturn:
    """Go to that page (its name without folder and ending), keeping the places its address names."""
    places: dict[str, str] = {place: str(key) for place in address_of(page) if (key := at(place)) is not None}
    st.switch_page(f"pages/{page}.py", query_params=places)


def say_next_run(sentence: str) -> None:
    """Keep a short note for the next run of the page, where it shows and fades."""
    st.session_state.setdefault("notes", []).append(sentence)


def said() -> list[str]:
    """Notes kept by the last run, once."""
    return st.session_state.pop("notes", [])
