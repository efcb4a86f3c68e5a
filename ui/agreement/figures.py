"""Figures of agreement as HTML of the page: they weigh nothing beside a library of figures, and are read as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmdnet.labels.agreement import PUBLISHED
from mmdnet.labels.grading import SHOWN_TASKS, task
from mmdnet.scoring.palette import GRADE_RAMPS, TASK_COLOURS, ink_on
from ui.shell import theme
from ui.shell.literal import in_html
from ui.shell.words import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mmdnet.labels.agreement import Estimate
    from mmdnet.workflows.labelling.agreement_views import Comparison

LOWEST, HIGHEST = -0.25, 1.05
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
CLOSE = 0.08  # two letters over lines so close would stand on each other


def kappa_rows(rows: Mapping[str, str], pairs: Sequence[Comparison], shown: str, said: Mapping[str, str]) -> str:
    """HTML table: a row for each comparison, a panel for each feature, a dot with its interval on each.

    Args:
        rows: by key of a comparison its sides, short.
        pairs: the comparisons, each of one feature.
        shown: which coefficient.
        said: by key of a comparison its sides in full.
    """
    found = {(pair.key, pair.task): pair for pair in pairs}
    head = "".join(f"<th>{in_html(shown_task.title)}{_letters(shown_task.name)}</th>" for shown_task in SHOWN_TASKS)
    body = []
    for key, name in rows.items():
        cells = []
        for shown_task in SHOWN_TASKS:
            pair = found.get((key, shown_task.name))
            cells.append(f"<td>{_panel(shown_task.name, pair, shown, said.get(key, name))}</td>")
        body.append(f'<tr><th scope="row">{in_html(name)}</th>{"".join(cells)}</tr>')
    ticks = "".join(f'<i style="left:{_at(tick):.1f}%">{tick:g}</i>' for tick in TICKS)
    axis = f'<tr aria-hidden="true"><td></td>{f"<td><div class=mmd-ticks>{ticks}</div></td>" * len(SHOWN_TASKS)}</tr>'
    return f'<table class="mmd-kappas"><tr><td></td>{head}</tr>{"".join(body)}{axis}</table>'


def _at(value: float) -> float:
    """Where a kappa lies in its panel, %; what is beyond the panel stands at its end."""
    return 100 * (min(max(value, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST)


def _letters(task_name: str) -> str:
    """Above a panel the letter of each published study over its line; of two that stand close each goes to its side."""
    found = sorted(((s.kappa[task_name], s) for s in PUBLISHED if task_name in s.kappa), key=lambda pair: pair[0])
    letters = []
    for number, (kappa, study) in enumerate(found):
        close_before = number > 0 and kappa - found[number - 1][0] < CLOSE
        close_after = number + 1 < len(found) and found[number + 1][0] - kappa < CLOSE
        side = "" if close_before == close_after else ' class="after"' if close_before else ' class="before"'
        letters.append(
            f'<i{side} style="left:{_at(kappa):.1f}%" title="{in_html(study.source)}: {kappa:.2f}">'
            f"{in_html(study.name[0])}</i>"
        )
    return f'<div class="mmd-ticks" aria-hidden="true">{"".join(letters)}</div>'


def _panel(task_name: str, pair: Comparison | None, shown: str, sides: str) -> str:
    lines = "".join(f'<s style="left:{_at(tick):.1f}%"></s>' for tick in TICKS)
    lines += "".join(
        f'<s class="published" style="left:{_at(study.kappa[task_name]):.1f}%"></s>'
        for study in PUBLISHED
        if task_name in study.kappa
    )
    estimate = None if pair is None else pair.estimates[shown]
    if pair is None or estimate is None or estimate.value is None:
        return f'<div class="mmd-panel">{lines}</div>'
    colour = TASK_COLOURS[task_name]
    words = in_html(f"{sides}: κ {estimate.value:.2f} ({interval(estimate)}), n {pair.n:,}")
    bar = ""
    if estimate.low is not None and estimate.high is not None:
        left, right = _at(estimate.low), _at(estimate.high)
        bar = f'<b style="left:{left:.1f}%;width:{right - left:.1f}%;background:{colour}"></b>'
    dot = f'<span class="{pair.kind}" style="left:{_at(estimate.value):.1f}%;background:{colour}"></span>'
    return f'<div class="mmd-panel" role="img" aria-label="{words}" title="{words}">{lines}{bar}{dot}</div>'


def interval(estimate: Estimate) -> str:
    """A 95 % interval as people read it, or a dash."""
    return NOTHING if estimate.low is None or estimate.high is None else f"{estimate.low:.2f} to {estimate.high:.2f}"


def grade_matrix(pair: Comparison) -> str:
    """HTML table of the counts of grade pairs, darker where there are more: rows the first side, columns the second."""
    grades = [str(grade.value) for grade in task(pair.task).grades]
    ramp = GRADE_RAMPS[pair.task][1:]  # its first is nearly white, the brightest of all on dark ground
    most = max(1, *(count for row in pair.counts for count in row))
    rows = []
    for grade, counts in zip(grades, pair.counts, strict=False):
        cells = "".join(_cell(count, ramp[round(count / most * (len(ramp) - 1))]) for count in counts[: len(grades)])
        rows.append(f'<tr><th scope="row">{grade}</th>{cells}</tr>')
    head = "".join(f'<th scope="col">{grade}</th>' for grade in grades)
    across, down = in_html(pair.second), in_html(pair.first)
    return (
        f'<table class="mmd-matrix"><caption>Down: {down} · across: {across}</caption>'
        f"<tr><td></td>{head}</tr>{''.join(rows)}</table>"
    )


def _cell(count: int, fill: str) -> str:
    if not count:
        return f'<td style="background:{theme.EMPTY}">0</td>'
    return f'<td style="background:{fill};color:{ink_on(fill)}">{count:,}</td>'
