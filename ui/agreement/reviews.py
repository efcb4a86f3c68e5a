"""What the Agreement page offers to read again, the rule that makes one label of several, and the record's state."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from ui.shell import words
from ui.shell.jobs import ago
from ui.shell.literal import code, literal, plain
from ui.shell.memory import ask_reader
from ui.shell.session import go_to, lab, open_page, refusals, say_next_run

if TYPE_CHECKING:
    from mmdnet.workflows.labelling.agreement_views import ReviewView
    from mmdnet.workflows.labelling.views import AuditView
    from mmdnet.workflows.views import ReaderView

SHARE = 0.1
CARDS = {
    "second": (
        "Second reads",
        "A tenth of the patches others have graded and you have not. You see nothing of what they gave.",
        "Nobody else has graded a patch you have not.",
    ),
    "repeat": (
        "Repeat reads",
        "A tenth of your own patches, long enough after you graded them. Your first grades stay out of sight.",
        "You graded no patch that long ago.",
    ),
    "adjudication": (
        "Settle disagreements",
        "Patches on which readers differ and nobody has settled yet. You see the grades given, never by whom.",
        "Readers differ on no patch that is open to you.",
    ),
}
QUICK = 20_000  # events the record is checked with at every look


def read_again(project_id: int, who: ReaderView | None) -> None:
    """Three cards: blinded second reads, repeat reads after a washout, disagreements to settle."""
    if who is None:
        ask_reader("what there is to read again depends on who reads")
        return
    days = int(st.session_state.get("washout", 14))
    reviews = {review.kind: review for review in lab().labels.reviews.of_reader(project_id, who.id, days)}
    for column, kind in zip(st.columns(len(CARDS)), CARDS, strict=True):
        with column, st.container(border=True, height="stretch"):
            _card(project_id, who, reviews[kind])


def _card(project_id: int, who: ReaderView, review: ReviewView) -> None:
    title, sentence, nothing = CARDS[review.kind]
    st.header(title)
    st.markdown(sentence)
    if review.kind == "repeat":
        st.number_input("Days since the first read", 1, 365, 14, key="washout", width=180)
    if review.open_session is not None:
        st.caption(f"{words.count(review.left, 'patch', 'patches')} left in the session you began.")
        if st.button("Go on", key=f"review_{review.kind}", type="primary"):
            go_to("session", review.open_session)
            open_page("label")
        return
    asked = review.waiting if review.kind == "adjudication" else round(review.waiting * SHARE + 0.4999)
    st.caption(f"{words.count(asked, 'patch', 'patches')} to read." if asked else nothing)
    if st.button("Begin", key=f"review_{review.kind}", disabled=not asked):
        with refusals():
            days = int(st.session_state.get("washout", 14))
            made = lab().labels.reviews.create(project_id, who.id, review.kind, share=SHARE, washout_days=days)
            go_to("session", made.id)
            open_page("label")


def consensus_rule(project_id: int, who: ReaderView | None) -> None:
    """The project's rule where readers differ: chosen here, kept with every training."""
    labels = lab().labels
    now = labels.consensus.rule(project_id)
    names = {known.id: plain(known.name) for known in lab().readers.list()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rule = st.selectbox(
            "Where readers differ, the project takes",
            list(words.RULES),
            index=list(words.RULES).index(now.rule),
            format_func=words.RULES.__getitem__,
            key=f"rule_{project_id}_{now.at}",
            width=320,
            help="Trainings learn from what this rule makes of the labels, and keep which rule it was.",
        )
        reader_id = None
        if rule == "reader":
            own = list(names)
            at = own.index(now.reader_id) if now.reader_id in own else None
            key = f"rule_reader_{project_id}_{now.at}"
            reader_id = st.selectbox("Reader", own, index=at, format_func=names.__getitem__, key=key, width=220)
        changed = (rule, reader_id) != (now.rule, now.reader_id) and not (rule == "reader" and reader_id is None)
        if st.button("Use this rule", type="primary", disabled=not changed, key="set_rule"):
            with refusals():
                labels.consensus.set_rule(project_id, rule, reader_id, who.id if who else None)
                say_next_run("The rule is set; trainings from now on use it")
                st.rerun()
    st.caption(
        f"{words.RULE_HELP[rule]} "
        + (f"Chosen by {literal(now.set_by or 'somebody without a name')} {ago(now.at)}." if now.at else "")
    )


@st.cache_data(show_spinner="Reading the whole record", max_entries=4)
def checked(state: str, nonce: int) -> tuple[AuditView, datetime]:
    """The record's check and when it was made; `state` is its last hash, and a new `nonce` asks for a new one."""
    return lab().labels.record.verify(), datetime.now().astimezone()


def record() -> None:
    """How many acts the record holds, whether they fit together, and since when that is known."""
    labels = lab().labels
    events = labels.record.length()
    nonce = int(st.session_state.get("record_nonce", 0))
    again = st.button("Check the record now", key="check_record", icon=":material/verified_user:")
    if again:
        nonce = st.session_state["record_nonce"] = nonce + 1
    if events > QUICK and nonce == 0:
        st.info(f"The record holds {events:,} acts and was not checked in this tab yet.")
        return
    verdict, when = checked(labels.record.state(), nonce)
    if verdict.intact:
        st.success(f"All {verdict.events:,} acts are as they were written. Checked at {when:%H:%M:%S}.")
        st.caption(f"Last link of the chain: {code(verdict.last_hash[:16])}. On the server: `mmdnet audit verify`.")
    else:
        st.error(
            f"Act {verdict.broken_id} ({literal(str(verdict.broken_act))}) is wrong: {literal(str(verdict.reason))}. "
            f"The {verdict.events:,} acts before it are as they were written. Stop labelling, keep a copy of the "
            "database, and compare it with a backup.",
            icon=":material/error:",
        )
    st.caption(
        "Every label, change, undo and import is an act. Acts are only ever added, each carries the hash of the one "
        "before, and the database refuses to change or delete them."
    )
