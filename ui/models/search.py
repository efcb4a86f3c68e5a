"""Searches on the Train page: what to search, how far one is, and its best settings into the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.experiments.search.files import KINDS, WORDS, trial_table, written
from mmdnet.experiments.search.plan import SearchPlan
from mmdnet.experiments.search.space import searchable, space_of
from mmdnet.experiments.search.trial import REFERENCE, TOO_GOOD, Trial, best_of
from mmdnet.words import count
from ui.models.train import FilledIn
from ui.shell.job_plan import ask_plan
from ui.shell.jobs import duration, made_at, progress_line, state_badge
from ui.shell.literal import in_figure, literal, plain, plain_all
from ui.shell.presses import answered, pressed
from ui.shell.session import lab, refusals, say_next_run
from ui.shell.theme import figure, show_figure

if TYPE_CHECKING:
    from mmdnet.workflows.labelling.views import LabelChoice
    from mmdnet.workflows.training.views import SearchView

COLOURS = {"done": "#0f766e", "stopped": "#7d848a", "running": "#3d7ab8"}  # by what became of a trial
FILE_WORDS = {"csv": "Folds, CSV", "md": "Markdown", "json": "JSON"}
BY_NUMBER = "Trial"
START = "search_start"


def filled_in(project_id: int) -> FilledIn | None:
    """The settings of a trial that the form is to begin with, and the button that takes them out again."""
    filled: FilledIn | None = st.session_state.get(_filled_key(project_id))
    if filled is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(literal(filled.words), icon=":material/tune:", width="stretch")
            if st.button("Usual settings", key="search_unfill", icon=":material/undo:"):
                del st.session_state[_filled_key(project_id)]
                st.rerun()
    return filled


def _filled_key(project_id: int) -> str:
    return f"train_filled_{project_id}"


def search_form(project_id: int, choices: Mapping[str, object], labels: LabelChoice) -> None:
    """A fold in which a search for better settings than those of the form is started."""
    with st.expander("Search better settings", key="search_form", on_change="rerun") as box:
        if not box.open:
            return
        st.caption(
            "Tries other settings beside those above, in the background, until the minutes are over. Each is judged on "
            "validation patients, fold by fold; what is behind after few folds is given up. The patients that a "
            "training tests on take no part."
        )
        known = searchable()
        over = st.multiselect(
            "What to search", list(known), default=[each.name for each in space_of(())], key="search_over",
            format_func=lambda name: known[name].title, persist_state="session",
        )  # fmt: skip
        for name in over:
            st.caption(literal(f"{known[name].title}: {known[name].range}"))
        with st.container(horizontal=True):
            minutes = st.number_input(
                "Minutes", value=SearchPlan().minutes, min_value=0.0, step=10.0, key="search_minutes",
                persist_state="session",
            )  # fmt: skip
            folds = st.number_input(
                "Folds", value=SearchPlan().folds, step=1, key="search_folds", persist_state="session"
            )
            seed = st.number_input("Seed of the search", value=0, step=1, key="search_seed", persist_state="session")
        with st.container(horizontal=True):
            begins = pressed("Start search", icon=":material/tune:", key=START, disabled=not over)
            plan = ask_plan("search")
        if begins:
            with refusals(), st.spinner("Checking labels and splitting by patient"):
                asked = {"over": over, "minutes": minutes, "folds": folds, "seed": seed}
                lab().searches.start(project_id, choices, asked, labels, plan)
                answered(START)
                say_next_run("The search is queued")
                st.rerun()


def searches(project_id: int, manages: bool) -> None:
    """The project's searches: which one, and all of it; nothing where there is none."""
    known = {view.id: view for view in lab().searches.list(project_id)}
    if not known:
        return
    titles = {
        key: plain(f"Search {key} · {view.choices['backbone']} · {made_at(view.created_at)}")
        for key, view in known.items()
    }
    st.header("Searches")
    chosen = st.selectbox("Search", list(known), key="search_shown", width=520, format_func=titles.__getitem__)
    view = known[chosen]
    active = view.job is not None and view.job.active
    st.fragment(_search, run_every=2.0 if active else None)(chosen, active, manages)


def _search(search_id: int, was_active: bool, manages: bool) -> None:
    view = lab().searches.get(search_id)
    job = view.job
    if job is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            state_badge(job)
            if manages:
                _buttons(view)
        if job.active:
            st.progress(min(max(job.share_done, 0.0), 1.0), text=progress_line(job))
        elif was_active:
            st.rerun()
        if job.failure:
            st.error(literal(job.failure), icon=":material/error:")
    st.markdown(f"**{literal(view.words)}**")
    labels = view.label_set
    st.caption(
        literal(
            f"{TOO_GOOD} Searched on {count(labels.get('slides', 0), 'slide')} of "
            f"{count(labels.get('patients', 0), 'patient')}, {count(view.plan.folds, 'fold')}; trained for "
            f"{duration(view.spent_s) or 'no time'} of {view.plan.minutes:.3g} minutes."
        )
    )
    if not any(trial.folds for trial in view.trials):
        return
    if manages:
        _use(view)
    _figure(view)
    table = trial_table(view.plan, view.trials)
    _table(table.columns, table.rows)
    with st.container(horizontal=True):
        for kind in KINDS:
            st.download_button(
                FILE_WORDS[kind], written(view.plan, view.trials, kind), f"search-{view.id}.{kind}",
                icon=":material/download:", key=f"search_{kind}", on_click="ignore",
            )  # fmt: skip
    for trial in view.trials:
        if trial.problem:
            st.warning(literal(f"Trial {trial.number} failed: {trial.problem}"), icon=":material/warning:")


def _buttons(view: SearchView) -> None:
    job = view.job
    assert job is not None
    if job.active:
        if st.button("Cancel", icon=":material/stop:", key="search_cancel", help="What was trained is kept."):
            with refusals():
                lab().jobs.cancel(job.id)
                st.rerun()
        return
    if job.status in {"failed", "cancelled"} and st.button("Go on", icon=":material/play_arrow:", key="search_resume"):
        with refusals():
            lab().jobs.retry(job.id)
            st.rerun()
    more = st.number_input(
        "Minutes more", value=30.0, min_value=0.0, step=10.0, key="search_more", label_visibility="collapsed", width=140
    )
    if st.button(f"Search {more:g} minutes more", icon=":material/more_time:", key="search_extend"):
        with refusals():
            lab().searches.extend(view.id, more)
            st.rerun()


def _use(view: SearchView) -> None:
    """Which trial, and its settings into the form above."""
    by_number = {trial.number: trial for trial in view.trials if trial.state == "done"}
    best = best_of(view.trials)
    if best is None:
        return
    titles = {number: f"{trial.title}, κ {trial.kappa:.3f}" for number, trial in by_number.items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Settings of", list(titles), index=list(titles).index(best.number), format_func=titles.__getitem__,
            key=f"search_trial_{view.id}_{best.number}", width=300,
        )  # fmt: skip
        if st.button("Use these settings", type="primary", icon=":material/tune:", key="search_use"):
            with refusals():
                _fill(view, by_number[chosen])
                st.rerun()


def _fill(view: SearchView, trial: Trial) -> None:
    choices = lab().searches.settings(view.id, trial.number)
    words = f"Filled with {trial.title} of search {view.id}."
    st.session_state[_filled_key(view.project_id)] = FilledIn(f"{view.id}_{trial.number}", words, choices)
    say_next_run("The form holds these settings; start the training there")


def _figure(view: SearchView) -> None:
    """Mean kappa of each trial by its number, or by one of the options that were searched."""
    names = {BY_NUMBER: BY_NUMBER} | {dimension.name: dimension.title for dimension in view.plan.space}
    across = st.selectbox("Drawn against", list(names), format_func=names.__getitem__, key="search_across", width=300)
    made = figure(names[across], "Mean κ of validation patients", height=300)
    tried = [trial for trial in view.trials if trial.folds]
    reference = next((trial for trial in tried if trial.number == REFERENCE), None)
    for state, colour in COLOURS.items():
        shown = [trial for trial in tried if trial.state == state and (across == BY_NUMBER or trial.params)]
        made.add_scatter(
            x=[_across(trial, across) for trial in shown], y=[trial.kappa for trial in shown], mode="markers",
            name=WORDS[state], marker={"size": 9, "color": colour}, text=[in_figure(trial.title) for trial in shown],
            hovertemplate="%{text}: κ %{y:.3f}<extra></extra>",
        )  # fmt: skip
    if across == BY_NUMBER:
        made.add_scatter(
            x=[trial.number for trial in tried], y=_best_so_far(tried), mode="lines", name="best so far",
            line={"color": "#0f766e", "shape": "hv", "width": 1.5}, hoverinfo="skip",
        )  # fmt: skip
    elif searchable()[across].log:
        made.update_xaxes(type="log")
    if reference is not None and reference.kappa is not None:
        made.add_hline(y=reference.kappa, line={"color": "#7d848a", "dash": "dot"}, annotation_text="your settings")
    made.update_layout(hovermode="closest")
    show_figure(made, f"search_figure_{view.id}", "Mean kappa of validation patients of each trial")


def _across(trial: Trial, name: str) -> object:
    value: object = trial.number if name == BY_NUMBER else trial.params.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _best_so_far(trials: Sequence[Trial]) -> list[float | None]:
    best = [best_of(trials[: number + 1]) for number in range(len(trials))]
    return [None if trial is None else trial.kappa for trial in best]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    import pandas as pd

    shown = pd.DataFrame([plain_all(row) for row in rows], columns=plain_all(columns))
    st.dataframe(shown, hide_index=True, key="search_table", alt="Settings that were tried, the best first")
