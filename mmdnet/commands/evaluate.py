"""`mmdnet evaluate`: how right a model is on a project's graded slides, or a training cross-validated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmdnet.cli_parts import (
    AsJson,
    Background,
    Home,
    Project,
    choices_of,
    follow,
    kind_of_file,
    lab_at,
    project_called,
    say,
    write_out,
)
from mmdnet.errors import LabError
from mmdnet.scoring.choices import AUTO
from mmdnet.words import count

if TYPE_CHECKING:
    from mmdnet.evaluation.result import Evaluation
    from mmdnet.workflows.evaluation.views import EvaluationPlan
    from mmdnet.workflows.lab import Lab


def evaluate(
    project: Project = "",
    model: Annotated[int | None, typer.Option(help="Number of the model; the newest one if not given.")] = None,
    rule: Annotated[
        str, typer.Option(help="How patches become a grade: auto, as the model was calibrated, or a rule's name.")
    ] = AUTO,
    preset: Annotated[str, typer.Option(help="Which tables: all, summary, or table4 as in the MMD-Net paper.")] = "all",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write: .csv, .md, .tex or .json.")] = None,
    folds: Annotated[
        int | None, typer.Option(help="Cross-validate: train on all but one of so many parts of the patients in turn.")
    ] = None,
    leave_out: Annotated[
        str | None, typer.Option(help="Cross-validate by leaving out one site, or one staining_run, at a time.")
    ] = None,
    choice: Annotated[
        list[str] | None, typer.Option("--set", help="A choice of the folds' trainings as name=value; see `train`.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say which slides would count, and which not.")] = False,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Judge a model on the graded slides that it did not learn from, or cross-validate a training."""
    from mmdnet.evaluation.files import KINDS
    from mmdnet.evaluation.tables import check_preset

    check_preset(preset)
    kind = None if out is None else kind_of_file(out, KINDS, "An evaluation", "Nothing was evaluated.")
    lab = lab_at(home)
    project_id = project_called(lab, project)
    if folds is not None or leave_out is not None or choice:
        if model is not None or check:
            raise LabError(
                "--model and --check are for judging a model that is there; --folds, --leave-out and --set train "
                "networks. Nothing was started."
            )
        job_id = lab.cross_validation.start(project_id, _fold_choices(folds, leave_out, choice or []), rule)
    else:
        models = lab.models.list(project_id)
        model_id = model or (models[0].id if models else lab.models.shipped())
        if check:
            plan = lab.evaluations.plan(project_id, model_id)
            say(as_json, plan, _plan_words(plan))
            return
        job_id = lab.evaluations.start(project_id, model_id, rule)
    follow(lab, job_id, as_json, background, quiet=not background)
    if not background:
        _write(lab, job_id, kind, preset, out, as_json)


def _fold_choices(folds: int | None, leave_out: str | None, pairs: list[str]) -> dict[str, object]:
    """Choices of the folds' trainings.

    Raises:
        LabError: folds of patients and something left out at once, or what cannot be left out.
    """
    if folds is not None and leave_out is not None:
        raise LabError("--folds makes parts of the patients; it does not go with --leave-out. Nothing was started.")
    if leave_out not in (None, "site", "staining_run"):
        raise LabError(f"--leave-out is site or staining_run, not {leave_out}. Nothing was started.")
    given = {"folds": folds, "split_by": leave_out}
    return choices_of(pairs) | {key: value for key, value in given.items() if value is not None}


def _plan_words(plan: EvaluationPlan) -> str:
    lines = [
        f"{count(len(plan.judged), 'slide')} would be judged; {len(plan.learnt_from)} the model learnt from, "
        f"{len(plan.of_learnt_patients)} more of those patients, {plan.without_truth} without a true grade.",
        *plan.notes,
        *([plan.problem] if plan.problem else []),
    ]
    return "\n".join(lines)


def _write(lab: Lab, job_id: str, kind: str | None, preset: str, out: Path | None, as_json: bool) -> None:
    """The result in words or as JSON, and into the file that was asked for."""
    from mmdnet.evaluation.files import written

    judged = lab.evaluations.get(job_id)
    if out is not None and kind is not None:
        write_out(out, written(judged, kind, preset))
    say(as_json, judged, _words(judged, preset) + (f"\nWritten to {out}." if out else ""))


def _words(judged: Evaluation, preset: str) -> str:
    """What a person reads first: the worst part, then the tables of the preset."""
    from mmdnet.evaluation.files import USE
    from mmdnet.evaluation.tables import (
        apart_sentences,
        plain_table,
        preset_tables,
        referral_sentences,
        summary_table,
        worst_sentences,
    )

    tables = preset_tables(judged, preset) if preset != "all" else (summary_table(judged),)
    said = [
        *worst_sentences(judged),
        *map(plain_table, tables),
        *referral_sentences(judged),
        *apart_sentences(judged),
        *judged.notes,
        USE,
    ]
    return "\n".join(said)
