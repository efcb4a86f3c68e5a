"""An evaluation as a file: CSV for machines, Markdown and LaTeX for people, JSON as it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmdnet.errors import LabError
from mmdnet.evaluation.definitions import DEFINITIONS
from mmdnet.evaluation.result import Evaluation, OrdinalMeasures
from mmdnet.evaluation.tables import (
    Table,
    apart_sentences,
    preset_tables,
    referral_sentences,
    worst_sentences,
)
from mmdnet.labels.agreement import Estimate
from mmdnet.tables import markdown_text, to_csv
from mmdnet.words import count

KINDS = ("csv", "md", "tex", "json")
USE = "Research use only."


def written(evaluation: Evaluation, kind: str, preset: str = "all") -> str:
    """The evaluation as the text of a file: `csv`, `md`, `tex` or `json`.

    Raises:
        LabError: there is no such kind or preset.
    """
    if kind not in KINDS:
        raise LabError(f"An evaluation is written as {', '.join(KINDS)}, not as {kind!r}. Nothing was written.")
    if kind == "json":
        return evaluation.model_dump_json(indent=2)
    tables = preset_tables(evaluation, preset)
    if kind == "csv":
        return figures_csv(evaluation)
    return _markdown(evaluation, tables) if kind == "md" else _latex(evaluation, tables)


FIGURES = ("scale", "by", "part", "measure", "value", "low_95", "high_95", "slides", "subject", "rule", "use")


def figures_csv(evaluation: Evaluation) -> str:
    """Every figure as a line of its own: scale, part (empty for all slides), measure, value, interval."""
    common: dict[str, object] = {"subject": evaluation.subject, "rule": evaluation.rule, "use": USE}
    lines: list[dict[str, object]] = []
    for name, of in evaluation.scales.items():
        for measure, value in _figures(of):
            lines.append(common | {"scale": name, "slides": of.slides} | _cells(measure, value))
    for end in evaluation.endpoints:
        for measure in ("accuracy", "sensitivity", "specificity", "ppv", "npv", "kappa", "auroc"):
            lines.append(common | {"scale": end.name, "slides": end.number} | _cells(measure, getattr(end, measure)))
    for breakdown in evaluation.breakdowns:
        for part in breakdown.parts:
            for name, judged in part.scales.items():
                where = common | {"scale": name, "by": breakdown.by, "part": part.value, "slides": judged.slides}
                for measure in ("accuracy", "mae", "bias", "kappa_quadratic", "coverage"):
                    lines.append(where | _cells(measure, getattr(judged, measure)))
    return to_csv(FIGURES, lines)


def cases_csv(evaluation: Evaluation) -> str:
    """Every slide with what is true and what was said."""
    names = list(evaluation.scales)
    facts = ("slide", "patient", "site", "stain", "scanner", "staining_run", "visit", "fold")
    columns = (*facts, *(f"{side}_{name}" for name in names for side in ("true", "model")))
    lines = []
    for row in evaluation.cases:
        line: dict[str, object] = {fact: getattr(row, fact) for fact in facts}
        for name in names:
            line |= {f"true_{name}": row.truth.get(name), f"model_{name}": row.said.get(name)}
        lines.append(line)
    return to_csv(columns, lines)


def _cells(measure: str, value: Estimate | float | None) -> dict[str, object]:
    """A figure as cells of `FIGURES`."""
    if isinstance(value, Estimate):
        return {"measure": measure, "value": value.value, "low_95": value.low, "high_95": value.high}
    return {"measure": measure, "value": value}


def _figures(of: OrdinalMeasures) -> Iterator[tuple[str, Estimate | float | None]]:
    for name in OrdinalMeasures.model_fields:
        value = getattr(of, name)
        if value is None or isinstance(value, Estimate | float):
            yield name, value
    for known, intervals in (("interval", of.intervals), ("density_interval", of.density_intervals)):
        if intervals is not None:
            yield f"{known}_coverage", intervals.coverage
            yield f"{known}_width", intervals.width


def _head(evaluation: Evaluation) -> list[str]:
    simulated = " Simulated slides only." if evaluation.simulated else ""
    rule = f" Rule: {evaluation.rule}." if evaluation.rule else ""
    said = f"{count(evaluation.slides, 'slide')} of {count(evaluation.patients, 'patient')}.{rule}{simulated} {USE}"
    return [
        said,
        *worst_sentences(evaluation),
        *referral_sentences(evaluation),
        *apart_sentences(evaluation),
        *evaluation.notes,
    ]


def _markdown(evaluation: Evaluation, tables: Sequence[Table]) -> str:
    parts = [
        f"# Evaluation of {markdown_text(evaluation.subject)}",
        *(markdown_text(line) for line in _head(evaluation)),
    ]
    parts += map(table_markdown, tables)
    parts += ["## What the figures mean", "\n".join(f"- **{name}**: {said}" for name, said in DEFINITIONS.items())]
    parts += ["\n".join(f"- **{end.title}**: {end.definition}" for end in evaluation.endpoints)]
    return "\n\n".join(part for part in parts if part) + "\n"


def table_markdown(table: Table) -> str:
    """A table under its title."""
    rows = [table.columns, ("---",) * len(table.columns), *table.rows]
    lines = ["| " + " | ".join(cell if cell == "---" else markdown_text(cell) for cell in row) + " |" for row in rows]
    return f"## {markdown_text(table.title)}\n\n" + "\n".join(lines)


def _latex(evaluation: Evaluation, tables: Sequence[Table]) -> str:
    said = [f"Evaluation of {evaluation.subject}", *_head(evaluation)]
    said += [f"{name}: {meaning}" for name, meaning in DEFINITIONS.items()]
    return latex_tables(said, tables)


def latex_tables(said: Sequence[str], tables: Sequence[Table]) -> str:
    """Tables for a paper's source (packages booktabs and graphicx); what is `said` as comments above."""
    import pandas as pd

    parts = ["\n".join("% " + " ".join(line.split()) for line in said)]
    for table in tables:
        columns = [f"c{k}" for k in range(len(table.columns))]
        frame = pd.DataFrame([[latex_text(cell) for cell in row] for row in table.rows], columns=columns)
        body = frame.to_latex(index=False, header=[latex_text(name) for name in table.columns], escape=False)
        parts.append(
            "\\begin{table}[htb]\n\\centering\n\\caption{" + latex_text(table.title) + "}\n"
            "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n" + body + "}\n\\end{table}"
        )
    return "\n\n".join(parts) + "\n"


_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "κ": r"$\kappa$",
    "±": r"$\pm$", "≥": r"$\geq$", "–": "--", "−": "$-$",
}  # fmt: skip


def latex_text(text: str) -> str:
    """Text as LaTeX shows it letter by letter, on one line."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))
