"""A comparison of methods as tables, and those as CSV, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmdnet.errors import LabError
from mmdnet.evaluation.definitions import DEFINITIONS
from mmdnet.evaluation.files import USE, latex_tables, table_markdown
from mmdnet.evaluation.tables import NOTHING, PAPER_TABLE_4, Table, figure, with_interval
from mmdnet.experiments.field.comparison import FEWEST_PATIENTS, MEAN, MEASURES, Comparison, Spread
from mmdnet.experiments.field.result import FieldResult
from mmdnet.experiments.field.slides import BY_SLIDE
from mmdnet.labels.agreement import FEWEST_CLUSTERS
from mmdnet.labels.grading import task as task_called
from mmdnet.nn.baselines.registry import BASELINES
from mmdnet.tables import markdown_text, to_csv
from mmdnet.words import count

KINDS = ("csv", "md", "tex", "json")
PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "MMD-Net, Table 2, three tasks": {"ballooning": 0.959, "inflammation": 0.748, "steatosis": 0.696},
    "MMD-Net, Table 2, four tasks": {"ballooning": 0.958, "inflammation": 0.781, "steatosis": 0.632},
    "MMD-Net, abstract (digit for digit Table 3's F1)": {
        "ballooning": 0.932, "inflammation": 0.836, "steatosis": 0.766,
    },
}  # fmt: skip
"""The paper's quadratic kappas of bags, split at random; abstract and Table 2 differ, and each is named."""
COMPARED = (
    "Ahead: mean quadratic κ of the reference less the row's, with its 95 % interval on the same draws of patients "
    "(paired bootstrap); p by Benjamini-Hochberg over all rows. Ranks: 1 is best, over parts and features; two are "
    "apart beyond Nemenyi's critical difference (Demšar 2006). Methods that learn from grades of single patches know "
    "more than the others."
)
BY_BAG = "Bags are judged, not slides."
FOR_CHOOSING = (
    "Validation patients, by whom each training's epoch was chosen as well, so that these figures are a little high: "
    "they are for choosing. The test patients were not looked at."
)


def compared(result: FieldResult) -> str:
    """How rows are compared, and what is judged."""
    return f"{COMPARED} {BY_SLIDE if result.plan.unit == 'slide' else BY_BAG}"


def title_of(row: str) -> str:
    """What people call a method or a backbone; its name where it is not known."""
    return BASELINES[row].title if row in BASELINES else row


def comparison_tables(comparison: Comparison) -> tuple[Table, ...]:
    """All tables: kappas and differences first, then each feature, ranks and cost."""
    result = comparison.result
    tables = [kappa_table(comparison)]
    tables += [feature_table(comparison, name) for name in (*comparison.tasks, MEAN)]
    if comparison.ranks is not None:
        tables.append(rank_table(comparison))
    tables.append(cost_table(result))
    beside = result.kept_apart()
    if beside is not None:
        tables.insert(1, split_table(comparison, Comparison(beside)))
    if shows_published(result):
        tables.append(published_table(result))
    return tuple(tables)


def kappa_table(comparison: Comparison) -> Table:
    """Quadratic kappa of every method, best mean first, and how far the reference is ahead."""
    result = comparison.result
    reference = result.plan.reference
    ahead = {difference.method: difference for difference in comparison.differences}
    rows = []
    for method in by_mean(comparison):
        cells = [spread_words(comparison.spread(method, name)) for name in (*comparison.tasks, MEAN)]
        if method == reference:
            against = ("reference", NOTHING)
        elif method in ahead:
            against = (with_interval(ahead[method].ahead), figure(ahead[method].p_adjusted, 3))
        else:
            against = (NOTHING, NOTHING)
        known = BASELINES.get(method if result.plan.rows == "method" else result.plan.one_method)
        learns = "bags and patches" if known is not None and known.from_patches else "bags"
        rows.append((title_of(method), *cells, *against, learns))
    names = (*(task_called(name).title for name in comparison.tasks), "Mean")
    columns = (_row_name(result), *names, f"{title_of(reference)} ahead", "p", "Learns from")
    return Table(f"Quadratic κ on {result.plan.judged} {result.plan.unit}s", columns, tuple(rows))


def split_table(at_random: Comparison, apart: Comparison) -> Table:
    """Mean quadratic kappa of every method by how bags or patients were split."""
    rows = []
    for method in by_mean(at_random):
        high, low = at_random.spread(method, MEAN), apart.spread(method, MEAN)
        known = high.mean is not None and low.mean is not None
        more = figure(high.mean - low.mean) if known else NOTHING  # type: ignore[operator]
        rows.append((title_of(method), spread_words(high, short=True), spread_words(low, short=True), more))
    columns = (_row_name(at_random.result), "Bags at random", "Patients kept apart", "Too high by")
    return Table("What a split of bags at random makes of the mean quadratic κ", columns, tuple(rows))


def _row_name(result: FieldResult) -> str:
    return result.plan.rows.capitalize()


def by_mean(comparison: Comparison) -> list[str]:
    """The methods, the highest mean kappa first."""
    means = {method: comparison.spread(method, MEAN).mean for method in comparison.result.methods}
    return sorted(means, key=lambda method: -(means[method] if means[method] is not None else -2.0))  # type: ignore[operator]


def feature_table(comparison: Comparison, task: str) -> Table:
    """Every measure of one feature, or of `mean` their mean over features."""
    title = "Mean over features" if task == MEAN else task_called(task).title
    rows = [
        (title_of(method), *(spread_words(comparison.spread(method, task, name), short=True) for name in MEASURES))
        for method in by_mean(comparison)
    ]
    return Table(f"{title}: all measures", (_row_name(comparison.result), *MEASURES.values()), tuple(rows))


def rank_table(comparison: Comparison) -> Table:
    """Mean ranks, the best first."""
    ranks = comparison.ranks
    assert ranks is not None
    rows = [(title_of(name), figure(rank)) for name, rank in sorted(ranks.mean.items(), key=lambda pair: pair[1])]
    p = "" if ranks.friedman_p is None else f", Friedman p {ranks.friedman_p:.3g}"
    told = f"Mean ranks over {ranks.blocks} (critical difference {ranks.critical_difference:.2f}{p})"
    return Table(told, (_row_name(comparison.result), "Mean rank"), tuple(rows))


def cost_table(result: FieldResult) -> Table:
    """What each method took, mean over its cells."""
    rows = []
    for method in result.methods:
        costs = [cell.cost for cell in result.cells if cell.method == method]
        seconds = sum(cost.train_processor_s for cost in costs) / len(costs)
        speed = sum(cost.patches_per_s for cost in costs) / len(costs)
        epochs = sum(cell.best_epoch for cell in result.cells if cell.method == method) / len(costs)
        memory = next((f"{cost.step_mib:.1f}" for cost in costs if cost.step_mib is not None), NOTHING)
        size = f"{costs[0].parameters:,}"
        rows.append((title_of(method), size, memory, f"{seconds:.1f}", f"{speed:,.0f}", f"{epochs:.0f}"))
    columns = (
        _row_name(result), "Parameters", "Memory of a step, MiB", "Processor-s a training",
        "Patches/s (features given)", "Best epoch",
    )  # fmt: skip
    return Table("Cost of the heads alone", columns, tuple(rows))


def shows_published(result: FieldResult) -> bool:
    """Whether the paper's protocol is this one: real tissue, bags split at random."""
    return result.plan.split == "bags" and not result.simulated


def published_table(result: FieldResult) -> Table:
    """The paper's own figures of the same unit: kappas of bags, or accuracy and F1 of slides."""
    if result.plan.unit == "slide":
        slides = [(task_called(name).title, *(figure(value, 3) for value in of)) for name, of in PAPER_TABLE_4.items()]
        return Table("Published, Table 4", ("Feature", "Accuracy", "F1"), tuple(slides))
    names = tuple(next(iter(PUBLISHED.values())))
    rows = [(source, *(figure(kappas[name], 3) for name in names)) for source, kappas in PUBLISHED.items()]
    return Table("Published quadratic κ", ("Source", *(task_called(name).title for name in names)), tuple(rows))


def spread_words(spread: Spread, short: bool = False) -> str:
    """Mean ± sd (interval), as far as there are such; `short` leaves the interval out."""
    if spread.mean is None:
        return NOTHING
    words = figure(spread.mean) + (f" ± {figure(spread.sd)}" if spread.sd is not None else "")
    if short or spread.low is None or spread.high is None:
        return words
    return f"{words} ({figure(spread.low)} to {figure(spread.high)})"


def facts(result: FieldResult) -> list[str]:
    """What was compared, in sentences."""
    plan = result.plan
    how = "bags split at random" if plan.split == "bags" else "patients kept apart"
    folds = f"{plan.folds} folds, " if plan.folds else "6:2:2, "
    seeds = count(len(plan.seeds), "seed")
    tested = _tested(result)
    judged_on = "tested" if plan.judged == "test" else "validated on"
    judged = ", slides judged by their highest" if plan.unit == "slide" else ""
    said = [
        f"{result.data}; {result.extractor}; {folds}{seeds}, {how}; {tested} patients {judged_on}, bags of "
        f"{plan.bag_size} patches{judged}. {'Simulated tissue only. ' if result.simulated else ''}{USE}",
        *result.notes,
    ]
    if weak := too_few(result):
        said.append(weak)
    if plan.judged == "validation":
        said.append(FOR_CHOOSING)
    if not shows_published(result):
        said.append("Published figures stand beside none of these: the paper's data and its split of bags are others.")
    return [f"{sentence[:1].upper()}{sentence[1:]}" for sentence in said]  # a note begins with the part it is of


def too_few(result: FieldResult) -> str:
    """That the patients are too few to tell methods apart, in a sentence; empty where they are not."""
    tested = _tested(result)
    if tested < FEWEST_CLUSTERS:
        return f"{tested} patients are too few to tell methods apart: neither an interval nor a p is given."
    if tested < FEWEST_PATIENTS:
        return f"{tested} patients are too few to tell methods apart: no p is given, and intervals say little."
    return ""


def _tested(result: FieldResult) -> int:
    """How many patients were tested."""
    return len({name for cell in result.cells for name in cell.bags.patients})


def written(comparison: Comparison, kind: str) -> str:
    """The comparison as the text of a file: `csv`, `md`, `tex` or `json`.

    Raises:
        LabError: there is no such kind.
    """
    if kind not in KINDS:
        raise LabError(f"A comparison is written as {', '.join(KINDS)}, not as {kind!r}. Nothing was written.")
    result = comparison.result
    if kind == "json":
        return result.model_dump_json(indent=2)
    if kind == "csv":
        return figures_csv(comparison)
    tables = comparison_tables(comparison)
    meanings = [*(f"{name}: {said}" for name, said in definitions(result)), compared(result)]
    title = f"{_row_name(result)}s compared"
    if kind == "tex":
        return latex_tables([title, *facts(result), *meanings], tables)
    parts = [f"# {title}", *map(markdown_text, facts(result)), *map(table_markdown, tables)]
    return "\n\n".join([*parts, "## What the figures mean", *(f"- {markdown_text(said)}" for said in meanings)]) + "\n"


def definitions(result: FieldResult) -> Iterator[tuple[str, str]]:
    """Those of an evaluation that a comparison shows."""
    for name in ("Accuracy", "κ", "MAE, bias", "Precision, recall, F1", "AUROC", "ECE"):
        yield name, DEFINITIONS[name].replace("slide", result.plan.unit)


COLUMNS = (
    "method",
    "backbone",
    "alpha",
    "judged",
    "task",
    "measure",
    "mean",
    "sd",
    "low_95",
    "high_95",
    "cells",
    "data",
    "split",
    "use",
)


def figures_csv(comparison: Comparison) -> str:
    """Every figure as a line of its own."""
    result = comparison.result
    plan = result.plan
    common: dict[str, object] = {"data": result.data, "split": plan.split, "use": USE, "judged": plan.unit}
    lines: list[dict[str, object]] = []
    for row in result.methods:
        named = {"method": row} if plan.rows == "method" else {"method": plan.one_method, plan.rows: row}
        for name in (*comparison.tasks, MEAN):
            for measure in MEASURES:
                spread = comparison.spread(row, name, measure)
                own = {"mean": spread.mean, "sd": spread.sd, "low_95": spread.low, "high_95": spread.high}
                lines.append(common | named | {"task": name, "measure": measure, "cells": spread.n} | own)
    return to_csv(COLUMNS, lines)
