"""What the Score page is made of: a model, slides to score, and the scores there are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.scoring.choices import AUTO
from mmdnet.scoring.validity import NOT_REPORTABLE, agreement_words, checks_of
from ui.shell import words
from ui.shell.job_plan import ask_plan
from ui.shell.jobs import ago, job_card
from ui.shell.literal import literal, plain, plain_all
from ui.shell.session import go_to, lab, open_page, refusals, say_next_run
from ui.shell.tables import open_column, opened_row, table_height
from ui.shell.theme import grade_styles

if TYPE_CHECKING:
    from mmdnet.workflows.scoring.views import ModelView, ScoreView
    from mmdnet.workflows.slides.views import SlideView
    from mmdnet.workflows.training.views import RunView

ALL_REPORTS = (
    ("CSV", "csv", "text/csv"),
    ("XLSX", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("Parquet", "parquet", "application/vnd.apache.parquet"),
    ("ZIP, with PDFs", "zip", "application/zip"),
)


def choose_model(models: Sequence[ModelView]) -> ModelView:
    """Which network grades."""
    known = {model.id: model for model in models}
    names = words.names_of(models)
    if st.session_state.get("score_by") not in known:
        st.session_state.pop("score_by", None)
    chosen = st.selectbox(
        "Model",
        list(names),
        format_func=names.__getitem__,
        key="score_by",
        persist_state="session",
        width=420,
    )
    model = known[chosen]
    st.caption(model_words(model))
    return model


def offer_training() -> None:
    """On real slides, beside a model that has seen drawn ones alone: what to do instead."""
    st.warning(
        "This model learnt from drawn tissue only and has never seen a real liver; a training on your own labels "
        "starts from weights that have seen a million photographs and takes minutes, without a GPU too.",
        icon=":material/warning:",
    )
    if st.button("Train on your own labels", icon=":material/model_training:", key="score_train"):
        open_page("train")


def model_words(model: ModelView) -> str:
    """A model in one line of Markdown: where it comes from, what it was trained on, how well it agreed."""
    card = model.card
    origin = "trained here" if model.run_id else "came with the program" if model.project_id is None else "brought in"
    parts = [f"{literal(card.backbone)} backbone", origin, ago(model.created_at)]
    if card.simulated:
        parts.append(f"trained on {literal(card.simulated_words)}")
    if agreement := agreement_words(checks_of(card)):
        parts.append(literal(agreement))
    return " · ".join(parts)


def choose_slides(slides: Sequence[SlideView], scored: dict[int, ScoreView]) -> list[int]:
    """A table to tick slides in; those that this model has not scored are ticked at first."""
    import pandas as pd

    fresh = [row for row, slide in enumerate(slides) if slide.id not in scored]
    table = pd.DataFrame(
        {
            "Slide": plain_all(slide.name for slide in slides),
            "Stain": plain_all(slide.stain for slide in slides),
            "Patient": plain_all(slide.patient for slide in slides),
            "Patches": [slide.usable for slide in slides],
            "Tissue, mm²": [slide.tissue_mm2 for slide in slides],
            "By this model": ["scored" if slide.id in scored else "not yet" for slide in slides],
        }
    )
    picked = st.dataframe(
        table,
        hide_index=True,
        placeholder=words.NOTHING,
        height=table_height(len(slides), 12),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": fresh}},
        key=f"score_slides_{'-'.join(map(str, sorted(scored)))}",
        column_config={
            "Patches": st.column_config.NumberColumn(width=84),  # narrow: headings stand left, numbers right
            "Tissue, mm²": st.column_config.NumberColumn(format="%.1f", width=104),
        },
        alt="Slides that can be scored",
    )
    return [slides[row].id for row in picked.selection.rows if row < len(slides)]


def warn_of_worth(model: ModelView) -> None:
    """Before anything is scored: that nobody knows how right this model is."""
    from mmdnet.scoring.validity import verdict_of

    verdict = verdict_of(model.card)
    if not verdict.good:
        st.warning(literal(verdict.words), icon=":material/block:")


def compare_models(scores: Sequence[ScoreView]) -> None:
    """Two models on the slides both have scored, the differences first."""
    import pandas as pd

    newest: dict[int, dict[int, ScoreView]] = {}
    names: dict[int, str] = {}
    for score in reversed(scores):
        newest.setdefault(score.model_id, {})[score.slide_id] = score
        names[score.model_id] = plain(score.model_name)
    if len(names) < 2:
        return
    with st.expander("Compare two models", key="compare_models"):
        ids, names = sorted(names, key=lambda key: -key), words.told_apart(names)
        with st.container(horizontal=True):
            first = st.selectbox("Model", ids, format_func=names.__getitem__, key="compare_first", width=320)
            others = [key for key in ids if key != first]
            second = st.selectbox("Beside", others, format_func=names.__getitem__, key="compare_second", width=320)
        rows = both_said(newest[first], newest[second])
        if not rows:
            st.caption("They have scored no slide in common.")
            return
        apart = sum(bool(row["Apart in"]) for row in rows)
        st.caption(f"{words.count(len(rows), 'slide')} scored by both; they differ on {apart:d}.")
        st.dataframe(
            pd.DataFrame(rows), hide_index=True, placeholder=words.NOTHING, key="compared_models",
            height=table_height(len(rows), 12), alt="Grades of two models side by side",
        )  # fmt: skip


def both_said(first: dict[int, ScoreView], second: dict[int, ScoreView]) -> list[dict[str, str | None]]:
    """A row for each slide that both scored: "mine → other" of the NAS and each feature; most apart first.

    Of what may not be reported nothing is said, and nothing is apart.
    """
    rows: list[tuple[int, dict[str, str | None]]] = []
    for slide_id in first.keys() & second.keys():
        one, other = first[slide_id].reported, second[slide_id].reported
        known = {task: (one[task.name], other[task.name]) for task in SHOWN_TASKS}
        apart = {task: abs(a - b) for task, (a, b) in known.items() if a is not None and b is not None and a != b}
        row: dict[str, str | None] = {
            "Slide": plain(first[slide_id].slide_name),
            "Apart in": ", ".join(task.letter for task in apart) or None,
            "NAS": _two(first[slide_id].reported_nas, second[slide_id].reported_nas),
        }
        rows.append((sum(apart.values()), row | {task.title: _two(*grades) for task, grades in known.items()}))
    return [row for _, row in sorted(rows, key=lambda known: (-known[0], str(known[1]["Slide"])))]


def _two(one: int | None, other: int | None) -> str:
    said = [words.NOTHING if value is None else str(value) for value in (one, other)]
    return said[0] if said[0] == said[1] else f"{said[0]} → {said[1]}"


def choose_rule(key: str = "pick_rule") -> str:
    """How patches and bags become a slide's grade; the model's own way unless another is asked for."""
    from mmdnet.scoring.rules import RULES

    with st.expander("Aggregation"):
        return st.selectbox(
            "How patches become a slide's grade",
            [AUTO, *RULES],
            format_func=lambda name: RULES[name].title if name in RULES else "as the model was calibrated",
            help="\n\n".join(f"**{rule.title}**: {rule.help}" for rule in RULES.values()),
            key=key,
            width=420,
        )


def calibration(project_id: int, model: ModelView) -> None:
    """How the model's counts are read, and the button that calibrates it on the project's graded slides."""
    from mmdnet.scoring.calibration_record import read_calibration

    with st.expander("Calibration"):
        known = read_calibration(model.card.calibration)
        if not known.slides:
            st.caption("Not calibrated to graded slides: intervals cover the choice of tissue only.")
        else:
            held = f" 90 % intervals of the NAS held {known.nas_holds:.0%} of them." if known.nas_holds else ""
            st.caption(
                f"Calibrated on {words.count(known.slides, 'graded slide')} of "
                f"{words.count(known.patients, 'patient')} by the rule "
                f"{literal(str(known.rule))}.{held}"
            )
            tried = {rule.rule: f"weighted κ {rule.mean:.2f}" for rule in known.tried}
            st.table({literal(name): text for name, text in tried.items()}, border="horizontal", alt="Rules compared")
            for sentence in known.notes:
                st.caption(literal(sentence))
        label = "Calibrate on graded slides"
        if st.button(label, icon=":material/tune:", key="calibrate", help=_CALIBRATE_HELP):
            with refusals():
                lab().calibrations.start(project_id, model.id)
                say_next_run("The calibration is queued")
                st.rerun()


_CALIBRATE_HELP = (
    "On slides of this project graded without a score in view, of patients the model did not learn from; ten at least."
)


def start_scoring(project_id: int, slide_ids: Sequence[int], model: ModelView | None, rule: str = AUTO) -> None:
    """The button, saying what it will do; beside a training that waits or runs, one that scores with its model.

    Before a project's first model (None) there is that one alone.
    """
    if not slide_ids:
        st.caption("Tick the slides to score. Scoring one again keeps its earlier score.")
    words_ = f"Score {words.count(len(slide_ids), 'slide')}" if slide_ids else "Score slides"
    trained = training_now(project_id)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start = model is not None and st.button(
            words_, type="primary", icon=":material/speed:", disabled=not slide_ids, key="score_start"
        )
        later = trained is not None and st.button(
            f"{words_} after {literal(trained.name)}",
            icon=":material/schedule:",
            disabled=not slide_ids,
            key="score_after",
            help="With the model of that training, which begins by itself when the training is done.",
        )
        plan = ask_plan("score")
    if start or later:
        with refusals():
            if later and trained is not None:
                lab().scoring.start_after(project_id, list(slide_ids), trained.id, rule, plan)
            elif model is not None:
                lab().scoring.start(project_id, list(slide_ids), model.id, rule, plan)
            say_next_run("Scoring is queued")
            st.rerun()


def training_now(project_id: int) -> RunView | None:
    """The newest training that waits or runs."""
    if not any(job.kind == "train" for job in lab().jobs.list(project_id, active=True)):
        return None
    return next((run for run in lab().training.runs(project_id) if run.job is not None and run.job.active), None)


def scoring_jobs(project_id: int) -> None:
    """Scoring and calibrating that goes on, and the last one if it failed or left slides out."""
    jobs = [job for job in lab().jobs.list(project_id) if job.kind in {"score", "calibrate"}]
    active = [job for job in jobs if job.active]
    if active:
        st.fragment(_watch, run_every=2.0)([job.id for job in active])
    for job in [] if active else jobs:
        if job.press != jobs[0].press:
            return
        if job.failure or job.progress.get("refused"):
            job_card(job)
        for sentence in job.progress.get("refused") or []:
            st.warning(literal(sentence), icon=":material/warning:")


def _watch(job_ids: Sequence[str]) -> None:
    jobs = [lab().jobs.get(job_id) for job_id in job_ids]
    for job in jobs:
        job_card(job)  # before the page is asked to draw anew, which drops a press that came meanwhile
    if not all(job.active for job in jobs):
        st.rerun()


def score_table(scores: Sequence[ScoreView]) -> None:
    """Every score, newest first, grades in their colours; a click opens the report."""
    import pandas as pd

    tasks = SHOWN_TASKS
    otherwise = [", ".join(task.letter for task in tasks if task.name in score.changed) for score in scores]
    table = pd.DataFrame(
        {
            "open": ["Report"] * len(scores),
            "Slide": plain_all(score.slide_name for score in scores),
            "NAS": pd.array([score.nas for score in scores], dtype="Int64"),
            **{task.title: pd.array([score.grades[task.name] for score in scores], dtype="Int64") for task in tasks},
            "Signed": [None if score.signed is None else plain(score.signed.reader) for score in scores],
            "Model's NAS": [model_nas(score) for score in scores],
            **({"Signed otherwise": otherwise} if any(otherwise) else {}),
            "Why not": [score.validity.grounds or None for score in scores],
            "Model": plain_all(score.model_name for score in scores),
            "Scored": [score.created_at for score in scores],
        }
    )
    styled = table.style
    for task in tasks:
        styled = styled.map(partial(grade_styles, task.name), subset=[task.title])
    st.dataframe(
        styled,
        hide_index=True,
        placeholder=words.NOTHING,
        height=table_height(len(scores), 16),
        key="score_table",
        column_config={
            task.title: st.column_config.NumberColumn(task.letter, help=task.title, width=44) for task in tasks
        }
        | {
            "open": open_column("score_table_open"),
            "NAS": st.column_config.NumberColumn(help=words.NAS_HELP, width=56),
            "Signed otherwise": st.column_config.TextColumn(
                help="Features signed with another grade than the model's.", width=108
            ),
            "Model's NAS": st.column_config.TextColumn(help="With its 90 % interval.", width=112),
            "Why not": st.column_config.TextColumn(help="Why the model's NAS is not reported.", width=420),
            "Model": st.column_config.TextColumn(width=180),
            "Scored": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        },
        alt="Scores of this project",
    )
    row = opened_row("score_table_open", len(scores))
    if row is not None:
        go_to("score", scores[row].id)
        open_page("report")


def to_a_report(scores: Sequence[ScoreView]) -> None:
    """At the head of the page the way on: the newest report nobody signed."""
    waiting = [score for score in scores if not score.signed]
    if not waiting:
        return
    newest = max(waiting, key=lambda score: score.created_at)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{words.count(len(waiting), 'report')}** not signed yet", width="content")
        if st.button("Open the newest", type="primary", icon=":material/arrow_forward:", key="to_newest_report"):
            go_to("score", newest.id)
            open_page("report")


def all_reports(project_id: int) -> None:
    """The reports of all scored slides as files; each is made when it is asked for."""
    st.caption("The report of each slide, all in one file: the one signed last, else the newest.")
    with st.container(horizontal=True, gap="small"):
        for title, kind, mime in ALL_REPORTS:
            st.download_button(
                literal(title),
                data=partial(lab().project_reports.file, project_id, kind),
                file_name=f"reports.{kind}",
                mime=mime,
                icon=":material/download:",
                key=f"all_reports_{kind}",
                on_click="ignore",
            )


def model_nas(score: ScoreView) -> str:
    """The model's NAS with its interval, or why it is not shown, for a cell of a table."""
    if score.awaits_reader:
        return words.READER_FIRST
    if not score.validity.reportable:
        return NOT_REPORTABLE.lower()
    nas = score.summary.nas
    return words.NOTHING if nas is None else f"{nas} (90 %: {_interval(score.summary.nas_interval)})"


def _interval(pair: Sequence[int] | None) -> str:
    if not pair:
        return words.NOTHING
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}–{pair[1]}"
