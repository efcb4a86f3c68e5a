"""An evaluation as tables of cells that people read. What matters stands first: the worst part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mmdnet.errors import LabError
from mmdnet.evaluation.result import Breakdown, Evaluation, OrdinalMeasures
from mmdnet.evaluation.scales import scales
from mmdnet.labels.agreement import PUBLISHED, Estimate
from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.words import count

NOTHING = "–"
PAPER_TABLE_4: Mapping[str, tuple[float, float]] = {
    "ballooning": (0.733, 0.688),
    "inflammation": (0.707, 0.698),
    "steatosis": (0.687, 0.720),
}
"""Accuracy and F1 on 190 slides by the highest bag (MMD-Net 2025, Table 4). Macro precision and recall stand beside
weighted F1 there, and its test slides were not apart by patient."""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as people read them: one list per row, as long as `columns`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def titles() -> dict[str, str]:
    """What people call each scale."""
    return {scale.name: scale.title for scale in scales()}


def figure(value: float | None, digits: int = 2) -> str:
    """A number, or a dash where there is none."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def with_interval(estimate: Estimate | None) -> str:
    """A figure with its 95 % interval behind it."""
    if estimate is None or estimate.value is None:
        return NOTHING
    if estimate.low is None or estimate.high is None:
        return figure(estimate.value)
    return f"{figure(estimate.value)} ({figure(estimate.low)} to {figure(estimate.high)})"


def summary_table(evaluation: Evaluation) -> Table:
    """Every scale with the measures a reader asks for first."""
    columns = (
        "Feature",
        "Slides",
        "Accuracy",
        "Within ±1",
        "κ quadratic",
        "κ linear",
        "κ plain",
        "MAE",
        "Bias",
        "AUROC",
    )
    rows = [
        (
            titles()[name], str(of.slides), with_interval(of.accuracy), figure(of.within_one.value),
            with_interval(of.kappa_quadratic), figure(of.kappa_linear.value), figure(of.kappa_plain.value),
            figure(of.mae.value), figure(of.bias.value), with_interval(of.auroc),
        )
        for name, of in evaluation.scales.items()
    ]  # fmt: skip
    return Table("Agreement with the truth", columns, tuple(rows))


def detail_table(evaluation: Evaluation) -> Table:
    """Precision, recall and F1, and how honest probabilities and intervals are."""
    columns = (
        "Feature", "Precision macro", "Recall macro", "F1 macro", "Precision weighted", "Recall weighted",
        "F1 weighted", "Spearman", "ECE", "Coverage of 90 % intervals", "Width, grades",
    )  # fmt: skip
    rows = []
    for name, of in evaluation.scales.items():
        averages = (
            of.precision_macro, of.recall_macro, of.f1_macro, of.precision_weighted, of.recall_weighted, of.f1_weighted,
        )  # fmt: skip
        spearman, ece = figure(of.spearman), with_interval(of.ece)
        rows.append((titles()[name], *map(with_interval, averages), spearman, ece, *_intervals(of)))
    return Table("Precision, recall, F1, calibration", columns, tuple(rows))


def _intervals(of: OrdinalMeasures) -> tuple[str, str]:
    if of.intervals is None:
        return NOTHING, NOTHING
    return with_interval(of.intervals.coverage), figure(of.intervals.width)


def table_4(evaluation: Evaluation) -> Table:
    """The paper's Table 4 as this evaluation has it, by definitions that are named, with the paper's figures beside."""
    columns = (
        "Feature", "Accuracy", "Precision macro", "Recall macro", "F1 macro", "F1 weighted", "Paper: accuracy",
        "Paper: F1",
    )  # fmt: skip
    rows = []
    for task in SHOWN_TASKS:
        if task.name in evaluation.scales:
            of, paper = evaluation.scales[task.name], PAPER_TABLE_4.get(task.name, (None, None))
            named = (of.accuracy, of.precision_macro, of.recall_macro, of.f1_macro, of.f1_weighted)
            means = (estimate.value for estimate in named)
            rows.append((task.title, *(figure(value, 3) for value in (*means, *paper))))
    return Table("Table 4 of the MMD-Net paper", columns, tuple(rows))


def endpoint_table(evaluation: Evaluation) -> Table:
    """The composite endpoints, a row each."""
    columns = (
        "Endpoint", "Of", "Number", "True yes", "Model yes", "Accuracy", "Sensitivity", "Specificity", "PPV", "NPV",
        "κ plain", "AUROC",
    )  # fmt: skip
    rows = [
        (
            of.title, f"{of.unit}s", str(of.number), str(of.positive), str(of.said_positive), figure(of.accuracy),
            figure(of.sensitivity), figure(of.specificity), figure(of.ppv), figure(of.npv), with_interval(of.kappa),
            with_interval(of.auroc),
        )
        for of in evaluation.endpoints
    ]  # fmt: skip
    return Table("Composite endpoints", columns, tuple(rows))


def part_table(breakdown: Breakdown) -> Table:
    """The parts by one fact, the worst first."""
    names = [name for name in titles() if any(name in part.scales for part in breakdown.parts)]
    columns = [breakdown.by.capitalize(), "Slides", "Patients", "Mean error"]
    for name in names:
        columns += [f"{titles()[name]}: accuracy", "κ quadratic", "bias"]
    rows = []
    for part in breakdown.parts:
        cells = [part.value, str(part.slides), str(part.patients), figure(part.error)]
        for name in names:
            of = part.scales.get(name)
            cells += [figure(value) for value in ((of.accuracy, of.kappa_quadratic, of.bias) if of else (None,) * 3)]
        rows.append(tuple(cells))
    return Table(f"By {breakdown.by}", tuple(columns), tuple(rows))


def confusion_table(evaluation: Evaluation, name: str) -> Table:
    """The confusion matrix of one scale: rows are the truth."""
    matrix = evaluation.scales[name].confusion
    columns = ("Truth", *(f"Model {grade}" for grade in range(len(matrix))))
    return Table(
        f"{titles()[name]}: truth and model", columns, tuple((str(k), *map(str, row)) for k, row in enumerate(matrix))
    )


def human_table(evaluation: Evaluation) -> Table:
    """How far people agree: published figures, and the readers of these slides."""
    names = [task.name for task in SHOWN_TASKS]
    rows = []
    if evaluation.scales:
        kappas = [evaluation.scales[name].kappa_quadratic if name in evaluation.scales else None for name in names]
        rows.append(("The model here, quadratic κ, slides", *map(with_interval, kappas)))
    pairs = {(pair.first, pair.second): {} for pair in evaluation.readers}  # type: dict[tuple[str, str], dict[str, Estimate]]
    for pair in evaluation.readers:
        pairs[pair.first, pair.second][pair.task] = pair.kappa
    for (first, second), kappa in pairs.items():
        rows.append((f"{first} and {second}, these slides", *(with_interval(kappa.get(name)) for name in names)))
    for study in PUBLISHED:
        rows.append((f"{study.source} ({study.unit})", *(figure(study.kappa.get(name)) for name in names)))
    return Table("Beside people", ("Who", *(task.title for task in SHOWN_TASKS)), tuple(rows))


def worst_sentences(evaluation: Evaluation) -> tuple[str, ...]:
    """The worst part by each fact in a sentence, which stands before the mean."""
    sentences = []
    for breakdown in evaluation.breakdowns:
        worst, best = breakdown.parts[0], breakdown.parts[-1]
        if len(breakdown.parts) > 1:
            sentences.append(
                f"Worst {breakdown.by}: {worst.value}, mean error {worst.error:.2f} grades on "
                f"{count(worst.slides, 'slide')}; best: {best.value}, {best.error:.2f} on "
                f"{count(best.slides, 'slide')}."
            )
    return tuple(sentences)


def referral_sentences(evaluation: Evaluation) -> tuple[str, ...]:
    """What advising a second reader did, and how often no NAS was given."""
    sentences, referral = [], evaluation.referral
    if referral is not None:
        left = "" if referral.error_left is None else f" on the others it is {referral.error_left:.2f},"
        within = (
            "" if referral.within_left is None else f" right within 1 on {100 * referral.within_left:.0f} % of them."
        )
        sentences.append(
            f"A second reader is advised for {100 * referral.rate:.0f} % of {count(referral.slides, 'slide')}. "
            f"The NAS's mean error is {referral.error_all:.2f} on all{';' if left else '.'}{left}{within}"
        )
    if evaluation.withheld:
        sentences.append(
            f"No NAS was given on {count(evaluation.withheld, 'slide')}, whose tissue is too unlike what the model "
            "learnt from; the NAS is judged on the others."
        )
    return tuple(sentences)


def apart_sentences(evaluation: Evaluation) -> tuple[str, ...]:
    """What was kept apart and why, a sentence each."""
    apart, sentences = evaluation.apart, []
    if apart.learnt_from:
        sentences.append(
            f"{count(len(apart.learnt_from), 'slide')} kept apart: the model learnt from them or was calibrated on "
            "them."
        )
    if apart.of_learnt_patients:
        number = len(apart.of_learnt_patients)
        sentences.append(f"{count(number, 'slide')} kept apart: other slides of patients the model learnt from.")
    if apart.without_truth:
        sentences.append(f"{count(apart.without_truth, 'slide')} without a true grade.")
    sentences += [f"{name} is left out: {why}" for name, why in apart.refused]
    return tuple(sentences)


def check_preset(preset: str) -> None:
    """Refuse a preset there is none of.

    Raises:
        LabError: there is no such preset.
    """
    if preset not in PRESETS:
        raise LabError(f"There is no preset called {preset!r}; known are {', '.join(PRESETS)}. Nothing was written.")


def plain_table(table: Table) -> str:
    """A table as lines of plain text, its columns aligned."""
    rows = [table.columns, *table.rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(table.columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([f"{table.title}:", *lines])


def preset_tables(evaluation: Evaluation, preset: str = "all") -> tuple[Table, ...]:
    """The tables of a preset of `PRESETS`; parts before the mean.

    Raises:
        LabError: there is no such preset.
    """
    check_preset(preset)
    return tuple(table for table in PRESETS[preset](evaluation) if table.rows)


def _all(evaluation: Evaluation) -> Iterator[Table]:
    yield from map(part_table, evaluation.breakdowns)
    yield summary_table(evaluation)
    yield detail_table(evaluation)
    yield endpoint_table(evaluation)
    yield human_table(evaluation)
    for name in evaluation.scales:
        yield confusion_table(evaluation, name)


PRESETS: Mapping[str, Callable[[Evaluation], Iterator[Table]]] = {
    "all": _all,
    "summary": lambda evaluation: iter((summary_table(evaluation),)),
    "table4": lambda evaluation: iter((table_4(evaluation),)),
}
