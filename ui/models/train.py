"""What the Train page is made of: the labels there are, the choices, and a run as it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import streamlit as st

from mmdnet.errors import LabError
from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.nn.registry import SMALL, backbone_entry
from mmdnet.scoring.palette import TASK_COLOURS
from mmdnet.training.config import GROUPS, PRESETS, describe, preset_value, read_config, training_options
from mmdnet.workflows.labelling.views import LabelChoice
from ui.shell import words
from ui.shell.jobs import ago, duration, progress_line, state_badge
from ui.shell.literal import code, literal, plain
from ui.shell.session import at, go_to, lab, open_page, refusals, say_next_run
from ui.shell.theme import chip, figure, show_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmdnet.nn.card import ModelCard
    from mmdnet.training.options import FormField
    from mmdnet.workflows.labelling.views import LabelCounts
    from mmdnet.workflows.training.views import RunView


def anything_to_learn_from(project_id: int) -> bool:
    """Show how many patches carry which grades, and how many slides; whether there is any of it."""
    counts, truths = lab().labels.counts(project_id), lab().truth.of_project(project_id)
    graded = [truth for truth in truths if truth.graded]
    if counts.patches:
        _patch_counts(counts)
    if graded:
        patients = len({truth.person or truth.slide_id for truth in graded})
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


def choose_labels(project_id: int) -> LabelChoice:
    """Which labels to learn from: whose, and on which slides; where readers differ, the project's rule holds."""
    who = lab().labels.counts(project_id).reader_ids
    names = {reader.id: plain(reader.name) for reader in lab().readers.list() if reader.id in who}
    read = {truth.slide_id for truth in lab().truth.of_project(project_id) if truth.graded}
    slides = {
        slide.id: plain(slide.name) for slide in lab().slides.list(project_id) if slide.labelled or slide.id in read
    }
    reader = None
    if len(names) > 1:
        reader = st.selectbox(
            "Labels of",
            [None, *names],
            format_func=lambda key: "all readers" if key is None else names[key],
            key="train_reader",
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
        )
    return LabelChoice(None, reader, tuple(chosen) or None)


def choose(
    drawn: bool = False, fetched: Mapping[str, str] = MappingProxyType({})
) -> tuple[dict[str, object], str | None]:
    """The form of a new training, made of the fields of its configuration: what was chosen, and the training's name.

    Args:
        drawn: the project's slides are simulated; the small backbone then is the first choice, as the demo's.
        fetched: titles of the backbones that were fetched into this lab, by name.
    """
    options = {option.name: option for option in training_options()}
    preset = st.segmented_control(
        options["preset"].option.title,
        list(PRESETS),
        format_func=options["preset"].words,
        default=options["preset"].default,
        required=True,
        key="train_preset",
        help=options["preset"].option.help,
    )
    backbone = replace(options["backbone"], default=SMALL) if drawn else options["backbone"]
    titles = {**backbone.option.values, **{name: plain(title) for name, title in fetched.items()}}
    backbone = replace(backbone, option=replace(backbone.option, values=titles))
    named: str = _widget(backbone, preset)
    choices: dict[str, object] = {"preset": preset, "backbone": named}  # by option; `read_config` checks them
    entry = backbone_entry(named)
    if named in fetched:
        st.caption("Starts from the weights that were fetched into this lab; their licence goes into the model's card.")
    if entry and entry.packaged:
        st.caption(
            f"Starts from {literal(entry.packaged.trained_on)} weights that came with the program "
            f"({literal(entry.packaged.licence)}). "
            "Without a GPU the backbone stays as it is and the heads learn from its features: computed once, about a "
            "tenth of a second a patch, then some seconds an epoch. With a GPU the whole network learns. 'Check first' "
            "measures how long it takes on this machine."
        )
    left, right = st.columns(2)
    with left:
        choices["epochs"] = _widget(options["epochs"], preset)
    with right:
        choices["device"] = _widget(options["device"], preset)
    for group, title in GROUPS.items():
        folded = [option for option in options.values() if option.option.group == group and not option.option.common]
        with st.expander(title):
            for option in folded:
                value = _widget(option, preset)
                if value != preset_value(preset, option):
                    choices[option.name] = value
    name = st.text_input("Name", key="train_name", placeholder="made from backbone and number of patches")
    return choices, name.strip() or None


def _widget(field: FormField, preset: str) -> Any:
    """One field of the form; its value."""
    option, value = field.option, preset_value(preset, field)
    by_preset = field.name in PRESETS["paper"]
    key = f"train_{field.name}_{preset}" if by_preset else f"train_{field.name}"
    said = option.help
    if by_preset and preset != "product":
        said = f"{said} As published: {field.words(value)}; another choice here wins over that."
    if field.kind == "flag":
        return st.checkbox(option.title, value=value, key=key, help=said)
    if field.kind in ("choice", "open choice"):
        names = list(option.values)
        return st.selectbox(
            option.title,
            names,
            index=names.index(value),
            format_func=field.words,
            accept_new_options=option.open,
            key=key,
            help=said,
        )
    if field.kind in ("file", "text"):
        return st.text_input(option.title, key=key, help=said, placeholder=option.empty).strip() or None
    if field.kind == "whole":
        low, high = (None if bound is None else int(bound) for bound in (field.low, field.high))
        # without its bounds: a browser keeps back a number beyond them, and the page would go by the one before
        said = f"{said} From {low:,} to {high:,}." if low is not None and high is not None else said
        given = st.number_input(option.title, value=value, step=1, key=key, help=said, placeholder=option.empty)
        return None if given is None else int(given)
    step = 0.05 if field.high == 1 else 0.1 if (value or 0) >= 0.1 else (value or 1e-3) / 10
    return st.number_input(
        option.title, value=value, step=step, format="%g", key=key, help=said, placeholder=option.empty
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
        start = st.button(
            "Start training", type="primary", icon=":material/play_arrow:", key="train_start", disabled=off
        )
        check = st.button("Check first", icon=":material/fact_check:", key="train_check", disabled=off)
    if start:
        with refusals(), st.spinner("Checking labels and splitting by patient"):
            run_id = lab().training.start(project_id, choices, name=name, labels=labels)
            go_to("run", run_id)
            say_next_run("Training is queued")
            st.rerun()
    if check:
        with st.spinner("Checking labels and splitting by patient"):
            checked = lab().training.check(project_id, choices, labels)
        if not checked.ok:
            st.error(literal(checked.problem or "This training cannot start."), icon=":material/error:")
            return
        st.success("This training can start.", icon=":material/check:")
        st.markdown("\n".join(f"- {literal(line)}" for line in checked.lines))
        for warning in checked.warnings:
            st.warning(literal(warning), icon=":material/warning:")


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


def run_picker(runs: Sequence[RunView]) -> RunView:
    """Which of the project's trainings to show."""
    ids = [run.id for run in runs]
    asked = at("run")
    shown = asked if asked in ids else None if asked is not None else ids[0]
    if shown is not None and asked != shown:
        go_to("run", shown)
    names = {run.id: f"{plain(run.name)} · {ago(run.created_at)}" for run in runs}
    st.session_state["pick_run"] = shown
    st.selectbox(
        "Training",
        ids,
        format_func=names.__getitem__,
        key="pick_run",
        placeholder="Choose a training",
        on_change=lambda: go_to("run", st.session_state["pick_run"]),
    )
    if shown is None:
        st.warning("The training this link names is not in this project. Choose one of its trainings.")
        st.stop()
    return next(run for run in runs if run.id == shown)


def run_view(run: RunView, manages: bool) -> None:
    """One training: redrawn every two seconds while it goes on; with its buttons for who manages the project."""
    active = run.job is not None and run.job.active
    st.fragment(_run_view, run_every=2.0 if active else None)(run.id, active, manages)


def _run_view(run_id: int, was_active: bool, manages: bool) -> None:
    run = lab().training.get(run_id)
    job = run.job
    if job is None:
        st.warning("This training was never queued. Start a new one.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(job)
        if manages:
            _run_buttons(run)  # before the page is asked to draw anew, which drops a press that came meanwhile
    if was_active and not job.active:
        st.rerun()
    if job.active:
        st.progress(min(max(job.share_done, 0.0), 1.0), text=progress_line(job))
        if expected := run.label_set.get("expected"):
            st.caption(literal(expected))
        st.caption("It goes on in the background; this page can be left or closed.")
    elif job.failure:
        st.error(literal(job.failure), icon=":material/error:")
    elif job.started_at and job.finished_at:
        st.caption(f"Took {duration((job.finished_at - job.started_at).total_seconds())}")
    card = lab().models.get(run.model_id).card if run.model_id is not None and not job.active else None
    if card is not None:
        _verdict(card)
    history = lab().training.history(run_id)
    if history:
        _curves(run_id, history, card)
    elif job.status == "running":
        st.caption("The curves begin with the first finished epoch.")
    _provenance(run)
    with st.expander("Log", key=f"log_{run_id}", on_change="rerun") as box:
        if box.open:
            st.code(lab().training.log(run_id) or "Nothing written yet.", language=None, height=280)


def _verdict(card: ModelCard) -> None:
    """What came of it: that a training ended well says nothing of what its model is worth."""
    from mmdnet.scoring.validity import verdict_of

    verdict = verdict_of(card)
    if verdict.good:
        st.success(literal(verdict.words), icon=":material/verified:")
    else:
        st.warning(literal(verdict.words), icon=":material/block:")


def _run_buttons(run: RunView) -> None:
    job = run.job
    assert job is not None
    if job.active and st.button(
        "Cancel", icon=":material/stop:", key="run_cancel", help="Its last finished epoch is kept."
    ):
        with refusals():
            lab().training.cancel(run.id)
            st.rerun()
    if job.status in {"failed", "cancelled"} and st.button("Go on", icon=":material/play_arrow:", key="run_resume"):
        with refusals():
            lab().training.resume(run.id)
            st.rerun()
    ended_with_model = run.model_id is not None and not job.active  # the model's row is there a moment before the end
    if ended_with_model and st.button("Score slides with it", icon=":material/speed:", key="run_score"):
        st.session_state["pick_model"] = run.model_id
        open_page("score")


def _curves(run_id: int, history: Sequence[dict[str, float]], card: ModelCard | None) -> None:
    epochs = [row.get("epoch", index) for index, row in enumerate(history, start=1)]
    losses, agreement = st.columns(2)
    with losses:
        made = figure("Epoch", "Loss")
        for key, title, colour in (("loss", "training", "#5f6b76"), ("validation_loss", "validation", "#0f766e")):
            if any(key in row for row in history):
                made.add_scatter(
                    x=epochs, y=[row.get(key) for row in history], name=title, line={"color": colour, "width": 2}
                )
        _mark_best(made, card)
        show_figure(made, f"loss_{run_id}", "Loss by epoch")
    with agreement:
        made = figure("Epoch", "Weighted κ, validation bags")
        for task in SHOWN_TASKS:
            key = f"validation_kappa_{task.name}"
            if any(key in row for row in history):
                made.add_scatter(
                    x=epochs,
                    y=[row.get(key) for row in history],
                    name=task.title,
                    line={"color": TASK_COLOURS[task.name], "width": 2},
                )
        made.update_yaxes(range=[-0.2, 1.02])
        if made.data:
            _mark_best(made, card)
            show_figure(made, f"kappa_{run_id}", "Weighted kappa on validation bags by epoch, one line per feature")
        else:
            st.caption("No agreement is measured: too few patients to keep any aside for validation.")


def _mark_best(made: go.Figure, card: ModelCard | None) -> None:
    """The epoch whose weights were kept, and the warm-up before bags, on a figure over epochs."""
    if card is None:
        return
    if card.best_epoch:
        made.add_vline(x=card.best_epoch, line={"color": "#7d848a", "dash": "dot"}, annotation_text="kept")
    warm_up = card.choices.get("warm_up_epochs")
    if isinstance(warm_up, int) and warm_up:
        made.add_vrect(x0=0, x1=warm_up, fillcolor="#7d848a", opacity=0.12, line_width=0, annotation_text="warm-up")


def _provenance(run: RunView) -> None:
    labels = run.label_set
    rule = str(labels.get("rule", "latest"))
    with st.expander("What it was made of"):
        st.table(
            {
                "Labels": literal(f"{labels.get('patches', 0)} patches"),
                "Slides with grades": str(labels.get("graded_slides", words.NOTHING)),
                "Patches by their slide's grade": str(labels.get("ungraded_patches", words.NOTHING)),
                "Where readers differ": literal(words.RULES.get(rule, rule).lower()),
                "Readers": literal(", ".join(labels.get("readers", [])) or words.NOTHING),
                "Label set": code(str(labels.get("sha256", ""))[:16]),
                **{title: literal(said) for title, said in describe(run.choices).items()},
            },
            border="horizontal",
            alt="Choices and labels of this training",
        )
        for sentence in labels.get("left_out", []):
            st.caption(literal(sentence))
        for warning in labels.get("warnings", []):
            st.warning(literal(warning), icon=":material/warning:")
