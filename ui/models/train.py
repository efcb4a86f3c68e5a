"""What a training is started with on the Train page: the labels there are, the choices, check and start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import streamlit as st

from mmdnet.errors import LabError
from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.nn.registry import SMALL, backbone_entry
from mmdnet.training.config import GROUPS, PRESETS, preset_value, read_config, training_options
from mmdnet.workflows.labelling.views import LabelChoice
from ui.shell import words
from ui.shell.job_plan import ask_plan
from ui.shell.literal import literal, plain
from ui.shell.presses import answered, pressed
from ui.shell.session import at, go_to, lab, refusals, say_next_run
from ui.shell.theme import chip

if TYPE_CHECKING:
    from mmdnet.labels.slide_truth import SlideTruth
    from mmdnet.training.choices.options import FormField
    from mmdnet.workflows.labelling.views import LabelCounts

CHECKING = "Checking labels, split and network, and how fast this machine is: some seconds, more where it is busy"
START, STARTED = "train_start", "train_started"


@dataclass(frozen=True, slots=True)
class FilledIn:
    """Settings that the form begins with in place of the usual ones.

    Attributes:
        key: of these settings, part of the fields' keys: they then begin anew.
        words: where they are from, a sentence.
        choices: whole, by option.
    """

    key: str
    words: str
    choices: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Form:
    """The form of one project: what is chosen stays while other pages are looked at, and in no other project's form."""

    project_id: int
    preset: str
    filled: FilledIn | None

    def key(self, name: str) -> str:
        """Of a field; another where other settings were filled in, so that it begins with them."""
        return f"train_{name}_{self.filled.key if self.filled else self.project_id}"


@dataclass(frozen=True, slots=True)
class ToLearnFrom:
    """Labels of patches, and every slide with its grades or without."""

    counts: LabelCounts
    slides: Sequence[SlideTruth]

    @property
    def graded(self) -> Sequence[SlideTruth]:
        """Slides with grades of the whole slide."""
        return [slide for slide in self.slides if slide.graded]


def to_learn_from(project_id: int) -> ToLearnFrom:
    """What a project's trainings can learn from."""
    return ToLearnFrom(lab().labels.counts(project_id), lab().truth.of_project(project_id))


def anything_to_learn_from(there: ToLearnFrom) -> bool:
    """Show how many patches carry which grades, and how many slides; whether there is any of it."""
    counts, graded = there.counts, there.graded
    if counts.patches:
        _patch_counts(counts)
    if graded:
        patients = len({slide.person or slide.slide_id for slide in graded})
        st.markdown(
            f"**{words.count(len(graded), 'slide')} with grades of the whole slide**, of "
            f"{words.count(patients, 'patient')}"
        )
        if not counts.patches:
            st.caption(
                "No patch is labelled: bags of patches nobody graded go by their slide's grade. Labels of some "
                "patches would tell the network where to look."
            )
    return bool(counts.patches or graded)


def labels_so_far(project_id: int) -> None:
    """For whoever starts no training: what there is to learn from, and who starts one."""
    counts = lab().labels.counts(project_id)
    if counts.patches:
        _patch_counts(counts)
    st.caption("Your role looks at trainings and models; a lead of this project starts them.")


def _patch_counts(counts: LabelCounts) -> None:
    st.markdown(
        f"**{words.count(counts.patches, 'labelled patch', 'labelled patches')}** on "
        f"{words.count(len(counts.slides), 'slide')} by {words.count(counts.readers, 'reader')}"
        + (f", {counts.ignored} of them ignored" if counts.ignored else "")
    )
    rows = []
    for task in SHOWN_TASKS:
        given = counts.grades[task.name]
        cells = "".join(
            f'<span class="mmd-row mmd-small">{chip(task.name, grade.value)}{given.get(grade.value, 0)}</span>'
            for grade in task.grades
        )
        rows.append(f"<tr><td>{task.title}</td><td><span class='mmd-row mmd-counts'>{cells}</span></td></tr>")
    st.html(f'<table class="mmd-criteria">{"".join(rows)}</table>')


def choose_labels(project_id: int, there: ToLearnFrom) -> LabelChoice:
    """Which labels to learn from: whose, and on which slides; where readers differ, the project's rule holds."""
    who, labelled = there.counts.reader_ids, there.counts.slides
    names = {reader.id: plain(reader.name) for reader in lab().readers.list() if reader.id in who}
    listed = [slide for slide in there.slides if slide.graded or labelled.get(slide.slide_id)]
    slides = words.told_apart({slide.slide_id: plain(slide.name) for slide in listed})
    reader = None
    if len(names) > 1:
        reader = st.selectbox(
            "Labels of",
            [None, *names],
            format_func=lambda key: "all readers" if key is None else names[key],
            key=f"train_reader_{project_id}",
            persist_state="session",
        )
    if len(names) > 1 and reader is None:
        rule = lab().labels.consensus.rule(project_id)
        said = words.RULES[rule.rule] + (f": {rule.reader}" if rule.reader else "")
        st.caption(
            f"Where readers differ: {literal(said.lower() if not rule.reader else said)}, as set on the Agreement page."
        )
    chosen = list(slides)
    if len(slides) > 1:
        chosen = st.multiselect(
            "Slides",
            list(slides),
            format_func=slides.__getitem__,
            key=f"train_slides_{project_id}",
            placeholder=f"all {len(slides)} with labels or grades",
            help="None chosen means all. A patient's slides are never split between training and validation.",
            persist_state="session",
        )
    return LabelChoice(None, reader, tuple(chosen) or None)


def choose(
    project_id: int,
    drawn: bool = False,
    fetched: Mapping[str, str] = MappingProxyType({}),
    filled: FilledIn | None = None,
) -> tuple[dict[str, object], str | None]:
    """The form of a new training, made of the fields of its configuration: what was chosen, and the training's name.

    Args:
        drawn: the project's slides are simulated; the small backbone then is the first choice, as the demo's.
        fetched: titles of the backbones that were fetched into this lab, by name.
        filled: what it begins with, in place of the usual settings.
    """
    options = {option.name: option for option in training_options()}
    preset = st.segmented_control(
        options["preset"].option.title,
        list(PRESETS),
        format_func=options["preset"].words,
        default=options["preset"].default if filled is None else filled.choices["preset"],
        required=True,
        key=_Form(project_id, "", filled).key("preset"),
        help=options["preset"].option.help,
        persist_state="session",
    )
    form = _Form(project_id, preset, filled)
    backbone = replace(options["backbone"], default=SMALL) if drawn else options["backbone"]
    titles = {**backbone.option.values, **{name: plain(title) for name, title in fetched.items()}}
    backbone = replace(backbone, option=replace(backbone.option, values=titles))
    named: str = _widget(backbone, form)
    choices: dict[str, object] = {"preset": preset, "backbone": named}  # by option; `read_config` checks them
    entry = backbone_entry(named)
    if named in fetched:
        st.caption("Starts from the weights that were fetched into this lab; their licence goes into the model's card.")
    if entry and entry.serves:
        told = entry.serves
        if entry.packaged:
            of = f"{entry.packaged.trained_on} weights that came with the program ({entry.packaged.licence})"
            told += f" It starts from {of}."
        st.caption(f"{literal(told)} *Check first* measures how long it takes on this machine.")
    left, right = st.columns(2)
    with left:
        choices["epochs"] = _widget(options["epochs"], form)
    with right:
        choices["device"] = _widget(options["device"], form)
    st.caption("Everything else begins as it usually serves; open only what you want otherwise.")
    for group, title in GROUPS.items():
        folded = [option for option in options.values() if option.option.group == group and not option.option.common]
        with st.expander(title):
            for option in folded:
                value = _widget(option, form)
                if value != preset_value(preset, option):
                    choices[option.name] = value
    name = st.text_input(
        "Name",
        key=f"train_name_{project_id}",
        placeholder="made from backbone and number of patches",
        persist_state="session",
    )
    return choices, name.strip() or None


def _widget(field: FormField, form: _Form) -> Any:
    """One field of the form; its value."""
    option, usual = field.option, preset_value(form.preset, field)
    value = usual if form.filled is None else form.filled.choices.get(field.name, usual)
    by_preset = field.name in PRESETS["paper"]
    said = option.help
    if by_preset and form.preset != "product":
        said = f"{said} As published: {field.words(usual)}; another choice here wins over that."
    look: dict[str, Any] = {  # of every kind of widget
        "key": form.key(f"{field.name}_{form.preset}" if by_preset else field.name),
        "persist_state": "session",
    }
    if field.kind == "flag":
        return st.checkbox(option.title, value=value, help=said, **look)
    if field.kind in ("choice", "open choice"):
        names = list(dict.fromkeys([*option.values, value]))
        return st.selectbox(
            option.title,
            names,
            index=names.index(value),
            format_func=field.words,
            accept_new_options=option.open,
            help=said,
            **look,
        )
    if field.kind in ("file", "text"):
        typed = st.text_input(option.title, str(value or ""), help=said, placeholder=option.empty, **look)
        return typed.strip() or None
    if field.kind == "whole":
        low, high = (None if bound is None else int(bound) for bound in (field.low, field.high))
        # without its bounds: a browser keeps back a number beyond them, and the page would go by the one before
        said = f"{said} From {low:,} to {high:,}." if low is not None and high is not None else said
        given = st.number_input(option.title, value=value, step=1, help=said, placeholder=option.empty, **look)
        return None if given is None else int(given)
    step = 0.05 if field.high == 1 else 0.1 if (value or 0) >= 0.1 else (value or 1e-3) / 10
    number = None if value is None else float(value)
    return st.number_input(
        option.title, value=number, step=step, format="%g", help=said, placeholder=option.empty, **look
    )


def check_and_start(project_id: int, choices: dict[str, object], labels: LabelChoice, name: str | None) -> None:
    """Two buttons: look whether it would work, and start it."""
    wrong = _out_of_range(choices)
    if wrong:
        st.error(literal(wrong), icon=":material/error:")
    else:
        _readiness(project_id, choices, labels)
    with st.container(horizontal=True):
        off = bool(wrong)
        start = pressed("Start training", type="primary", icon=":material/play_arrow:", key=START, disabled=off)
        check = pressed("Check first", icon=":material/fact_check:", key="train_check", disabled=off)
        plan = ask_plan("train")
    _started_here()
    if start:
        with refusals(), st.spinner(CHECKING, show_time=True):
            run_id = lab().training.start(project_id, choices, name=name, labels=labels, plan=plan)
            answered(START)
            go_to("run", run_id)
            st.session_state[STARTED] = run_id
            say_next_run("Training is queued")
            st.rerun()
    if check:
        with st.spinner(CHECKING, show_time=True):
            checked = lab().training.check(project_id, choices, labels)
        if not checked.ok:
            st.error(literal(checked.problem or "This training cannot start."), icon=":material/error:")
            return
        st.success("This training can start.", icon=":material/check:")
        st.markdown("\n".join(f"- {literal(line)}" for line in checked.lines))
        for warning in checked.warnings:
            st.warning(literal(warning), icon=":material/warning:")


def _started_here() -> None:
    """Beside the button: what was started in this tab last, which stands at the page's top, maybe out of sight."""
    run_id = st.session_state.get(STARTED)
    if run_id is None or run_id != at("run"):
        return
    with refusals():
        run = lab().training.get(run_id)
        if run.job is not None and run.job.active:
            st.info(
                f"{literal(run.name)} is under way; it stands under Trainings, at the top.", icon=":material/check:"
            )


def _readiness(project_id: int, choices: dict[str, object], labels: LabelChoice) -> None:
    """Whether a training would have what it needs, in sight before anything is pressed."""
    told = lab().training.readiness(project_id, choices, labels)
    if told.ready and told.unjudged:
        st.warning(literal(f"It can start, but {told.unjudged} It would have: {told.sentence}"))
    elif told.ready:
        st.caption(f":green[:material/check:] Ready: {literal(told.sentence)} *Check first* says how long it takes.")
    else:
        st.warning(literal(f"Not ready: {told.sentence}"), icon=":material/block:")


def _out_of_range(choices: dict[str, object]) -> str:
    """Why these choices are none, in a sentence; empty where they are fine."""
    try:
        read_config(choices)
    except LabError as refusal:
        return str(refusal)
    return ""
