"""Reading and signing on the Report page, beside the evidence; and the signatures there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from mmdnet.accounts.roles import Proof
from mmdnet.labels.grading import SHOWN_TASKS, Grades, task
from mmdnet.reports.schema import NOT_PROVEN
from mmdnet.reports.typeset import moment, typeset
from mmdnet.workflows.scoring.views import says_why
from ui.shell.focus import begin_at, grade_by_digits
from ui.shell.literal import code, literal
from ui.shell.memory import ask_reader
from ui.shell.session import lab, lab_of_server, person, reader, refusals
from ui.shell.theme import grade_chips
from ui.shell.unsent import keep_unsent

if TYPE_CHECKING:
    from mmdnet.accounts.roles import Person
    from mmdnet.reports.schema import Report
    from mmdnet.workflows.scoring.views import ScoreView, SignOffView
    from ui.shell.unsent import Value

UNKNOWN, START = "unknown", "g"
SEEN = "sign_seen"  # the grades that stood beside the button as it was pressed
BY_KEYS = "A digit grades the feature that has the keys and leads to the next; then Enter signs what is shown."
JUST_SIGNED = "just_signed"
BY_KEYS_AMENDED = "A digit grades the feature that has the keys and leads to the next; then say why, and amend."


def sign_off(score: ScoreView, report: Report, signed: Sequence[SignOffView], own_read: Grades | None = None) -> None:
    """The reader's own grades and the signature.

    They begin with what this reader signed before, else with their reading of the slide where the project asks for it
    first, else with the model's grades that may be reported: never with another reader's, which would be signed for
    one's own by one click.

    Args:
        own_read: this reader's reading of the slide, in a project that asks for it first; None in any other.
    """
    who = reader()
    if who is None:
        ask_reader(then="Then you can give your own grades and sign.")
        return
    tasks = {f"sign_{score.id}_{len(signed)}_{feature.task}_{who.id}": feature.task for feature in report.features}
    remark = f"reason_{score.id}_{len(signed)}_{who.id}"
    _from_the_keys(list(tasks), then=remark if signed else "sign")
    own = [signature for signature in signed if signature.reader == who.name]
    begin = own[-1].grades if own else own_read or report.model_grades
    _keep_until_signed(tasks, begin, remark)
    chosen: dict[str, int | None] = {}
    for feature, key in zip(report.features, tasks, strict=True):
        offered = [criterion.grade for criterion in feature.criteria]
        chosen[feature.task] = st.segmented_control(feature.title, offered, key=key)
        each = " · ".join(f"{criterion.grade}: {criterion.words}" for criterion in feature.criteria)
        st.caption(literal(typeset(each)))
    grades = Grades(**chosen)
    unsigned = "" if own and own[-1].grades == grades else " :orange-badge[not signed yet]"
    st.markdown(f"Your reading: **{literal(reading(grades))}**{unsigned}")
    differs = any(grade is not None for grade in report.model_grades.values())
    amends = bool(signed) and signed[-1].grades != grades
    asked, needed = _why(differs, amends)
    reason = st.text_input(asked, key=remark, placeholder=needed)
    known = person()
    again = None if known is None else _who_signs(known)
    label = f"{'Amend' if signed else 'Sign'} as {literal(who.name)}"
    # what the page shows beside the button is what it signs: a press that comes before that is drawn signs nothing
    seen = (score.id, len(signed), grades)
    unexplained = not says_why(reason)
    as_signed = bool(own) and own[-1] == signed[-1] and not amends
    off = unexplained and (amends or as_signed)
    look: Any = {"type": "primary", "icon": ":material/draw:", "disabled": off}
    if st.button(label, key="sign", on_click=_press, args=(seen,), **look):
        if st.session_state.pop(SEEN, None) != seen:
            st.warning(f"Not signed: {literal(reading(grades))} was not shown yet as you pressed. Look, then sign.")
            return
        with refusals():
            if known is not None and again is not None:
                lab_of_server().accounts.confirm(known, *again)
            lab().reports.sign(score.id, who.id, grades, reason)
            st.session_state[JUST_SIGNED] = score.id
            st.rerun()
    if off and as_signed:
        st.caption("Signed as it stands. Change a grade, or say in the remark what is new, and it can be amended.")
    elif off:
        st.caption("Say why the signed grades change, in a few words; then they can be amended.")
    st.caption("A signature is never changed or deleted; a later one amends it.")


def _why(differs: bool, amends: bool) -> tuple[str, str]:
    """What the field beside the grades asks for, and whether it must be filled in.

    Args:
        differs: the model has grades that may be reported, which one can differ from.
        amends: other grades are signed already.
    """
    if amends:
        return "Why the signed grades change", "Shown beside your signature, in a few words"
    if differs:
        return "Why, where you differ from the model", "Only needed for a changed grade"
    return "Remark", "If there is something to add"


def just_signed(score_id: int) -> bool:
    """Whether this report was the last that was signed here: the hands are at its signature."""
    return bool(st.session_state.get(JUST_SIGNED) == score_id)


def reading(grades: Grades) -> str:
    """The grades, each by its feature's letter, and what those in the NAS come to; others stand behind it."""
    if not grades.any_known:
        return "nothing graded yet"
    letters = [f"{of.letter}{'–' if grades[of.name] is None else grades[of.name]}" for of in SHOWN_TASKS if of.in_nas]
    beside = [f", {of.letter}{grades[of.name]}" for of in SHOWN_TASKS if not of.in_nas and grades[of.name] is not None]
    each = f"({' '.join(letters)}){''.join(beside)}"
    return f"no NAS {each}: a feature is left unknown" if grades.total is None else f"NAS {grades.total} {each}"


def _press(seen: tuple[int, int, Grades]) -> None:
    st.session_state[SEEN] = seen


def _keep_until_signed(tasks: Mapping[str, str], begin: Mapping[str, int | None], remark: str) -> None:
    """Begin with those grades; what is chosen and written instead stays in the tab until it is signed.

    Args:
        tasks: the task of each choice, by its key.
        remark: the key of what is written beside them.
    """
    state = st.session_state

    def take_back(kept: Mapping[str, Value]) -> None:
        for key, name in tasks.items():
            known = {str(grade.value): grade.value for grade in task(name).grades} | {UNKNOWN: None}
            if (given := str(kept.get(key))) in known:
                state[key] = known[given]
        state[remark] = str(kept.get(remark) or "")

    for key, name in tasks.items():
        if key not in state:
            state[key] = begin.get(name)
    changed = any(state[key] != begin.get(name) for key, name in tasks.items())
    chosen = {key: (UNKNOWN if state[key] is None else str(state[key])) if changed else None for key in tasks}
    keep_unsent(remark, take_back, known=chosen, typed=[remark])


def _from_the_keys(choices: Sequence[str], then: str) -> None:
    """A key that leads to the grades from anywhere on the page: by Tab alone everything above them comes first.

    Args:
        then: key of what comes after the grades: the signature, or why a signed report changes.
    """
    first = choices[0]
    grade_by_digits(choices, start=START, then=then)
    # the browser takes the key before Streamlit does, which would come to it once the page is drawn: it is shown here
    if st.button("Grade by keys", shortcut=START, type="tertiary", key="to_grades"):
        st.session_state["keys_led"] = st.session_state.get("keys_led", 0) + 1
        begin_at(first, st.session_state["keys_led"])
    st.caption(BY_KEYS if then == "sign" else BY_KEYS_AMENDED)


def _who_signs(known: Person) -> tuple[str, str] | None:
    """Password and code, asked for again; None where an identity provider was asked just now instead."""
    if known.proof is Proof.PROVIDER:
        st.caption("Sign within two minutes of signing in: a signature asks once more who you are.")
        return None
    password = st.text_input("Your password, once more", type="password", key="sign_password")
    with_code = known.proof is Proof.PASSWORD_AND_CODE
    return password, st.text_input("Code", key="sign_code") if with_code else ""


def signatures(signed: Sequence[SignOffView]) -> None:
    """Who signed which grades, oldest first."""
    if not signed:
        st.caption("Not signed yet.")
    amended = {later.amends_id for later in signed}
    for signature in signed:
        _signature(signature, amended=signature.id in amended)


def _signature(signature: SignOffView, amended: bool) -> None:
    with st.container(border=True):
        st.markdown(
            f"**{literal(signature.reader)}** · {moment(signature.at)}" + (" · :gray[amended since]" if amended else "")
        )
        st.caption(f"Signer proven by {literal(signature.proof)}" if signature.proof else NOT_PROVEN.capitalize())
        st.html(grade_chips(signature.grades))
        if signature.reason:
            st.caption(literal(signature.reason))
        st.caption(f"Report {code(signature.report_sha256[:16])}")
