"""What the Agreement page shows of readings compared: one picture of all, then two sides in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.agreement import COEFFICIENTS, PUBLISHED
from mmdnet.labels.grading import SHOWN_TASKS, task
from ui.agreement.figures import grade_matrix, interval, kappa_rows
from ui.shell import theme, words
from ui.shell.literal import literal, plain
from ui.shell.session import go_to, lab, nobody_reads, open_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmdnet.labels.agreement import Estimate
    from mmdnet.workflows.labelling.agreement_views import AgreementView, Comparison
    from mmdnet.workflows.views import ReaderView

SHOWN = "kappa_quadratic"
MOST_PICTURES = 6
DRAWN = {
    "patients": "patients were drawn, since patches of one patient are alike",
    "slides": "slides were drawn, since patches of one slide are alike",
    "patches": "patches were drawn, since there are fewer than five patients or slides: the intervals are too narrow",
}


def compared(project_id: int) -> AgreementView:
    """Agreement in a project; the lab works it out once for each state of its labels."""
    with st.spinner("Comparing readings"):
        return lab().labels.agreement.of_project(project_id)


def sides(pair: Comparison) -> str:
    """Both sides of a comparison in words."""
    return f"{pair.first} and {pair.second}"


def short_sides(pair: Comparison) -> str:
    """Both sides, short enough for the axis of a figure."""
    if pair.kind == "repeat":
        return f"{pair.first.removesuffix(', first read')}, read twice"
    other = {"consensus": "the others", "model": "model"}.get(pair.kind, pair.second)
    return f"{pair.first} – {other}"


def overview(view: AgreementView) -> None:
    """Every comparison as a dot with its interval, one panel per feature, published figures as dotted lines."""
    rows = {pair.key: short_sides(pair) for pair in view.comparisons}
    named = {pair.key: sides(pair) for pair in view.comparisons}
    with st.container(key="agreement_overview"):
        st.html(kappa_rows(rows, view.comparisons, SHOWN, named))
    letters = "; ".join(f"**{literal(study.name[0])}** {literal(study.source)}" for study in PUBLISHED)
    kinds = {pair.kind: pair.second for pair in view.comparisons}
    said = ["Quadratic κ on single patches with its 95 % bootstrap interval."]
    if "consensus" in kinds:
        rule = words.RULES[view.rule].lower()
        said.append(f"*The others*: what the project's rule ({rule}) makes of all other readers' labels.")
    if "model" in kinds:
        said.append(
            f"*Model*: {literal(kinds['model'])}, on slides it has not learnt from; labels beside a suggestion "
            "do not count."
        )
    said.append(f"Dotted: weighted κ of whole biopsies as published, another unit: {letters}.")
    st.caption(" ".join(said))


def choose(view: AgreementView) -> Comparison | None:
    """Which two sides and which feature are shown in detail; both stand in the address, so that links work."""
    known = words.told_apart({pair.key: plain(sides(pair)) for pair in view.comparisons})
    asked = st.query_params.get("compare", "")
    key = asked if asked in known else next(iter(known))
    if asked and asked not in known:
        st.warning("These two have graded no patch in common, so the first comparison is shown.")
    tasks = [graded.name for graded in SHOWN_TASKS]
    wanted = st.query_params.get("feature", "")
    graded = [name for name in tasks if any(pair.key == key and pair.task == name for pair in view.comparisons)]
    st.session_state["compare"], st.session_state["feature"] = key, wanted if wanted in tasks else graded[0]
    with st.container(horizontal=True):
        st.selectbox(
            "Compare", list(known), format_func=known.__getitem__, key="compare", width=360, on_change=_write_address
        )
        st.segmented_control(
            "Feature", tasks, format_func=lambda name: task(name).title, required=True, key="feature",
            on_change=_write_address,
        )  # fmt: skip
    chosen = (st.session_state["compare"], st.session_state["feature"])
    return next((pair for pair in view.comparisons if (pair.key, pair.task) == chosen), None)


def _write_address() -> None:
    st.query_params["compare"], st.query_params["feature"] = st.session_state["compare"], st.session_state["feature"]


def details(project_id: int, pair: Comparison, who: ReaderView | None) -> None:
    """Two sides on one feature: every coefficient, the matrix of grades, the patches behind it."""
    import pandas as pd

    left, right = st.columns([1, 1], gap="large")
    with left:
        table = [
            {"Coefficient": COEFFICIENTS[name].title, "Value": _value(estimate), "95 % interval": interval(estimate)}
            for name, estimate in pair.estimates.items()
        ]
        leads = pair.estimates[SHOWN]
        st.metric(
            literal(COEFFICIENTS[SHOWN].title), _value(leads), f"95 % interval {interval(leads)}", delta_color="off",
            delta_arrow="off",
        )  # fmt: skip
        with st.expander("All coefficients"):
            st.dataframe(pd.DataFrame(table), hide_index=True, height="content", alt="Coefficients of agreement")
        st.caption(f"{words.count(pair.n, 'patch', 'patches')} both graded. For the intervals, {DRAWN[pair.drawn]}.")
    with right:
        st.html(grade_matrix(pair))
    behind(project_id, pair, who)


def _value(estimate: Estimate) -> str:
    return words.NOTHING if estimate.value is None else f"{estimate.value:.2f}"


def behind(project_id: int, pair: Comparison, who: ReaderView | None) -> None:
    """Patches on which the two sides differ, as far as the reader at the screen may see them."""
    cells = [
        (row, column, count)
        for row, counts in enumerate(pair.counts)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    if not cells:
        st.caption("Both gave the same grade on every patch.")
        return
    cells.sort(key=lambda cell: (-abs(cell[0] - cell[1]), -cell[2]))
    if who is None:
        st.caption(literal(nobody_reads("only patches that you have graded yourself are shown")))
        return
    first, second = plain(pair.first), plain(pair.second)
    row, column, _ = st.selectbox(
        "Patches on which they differ",
        cells,
        format_func=lambda cell: (
            f"{first}: {cell[0]}, {second}: {cell[1]} ({words.count(cell[2], 'patch', 'patches')})"
        ),
        key=f"cell_{pair.key}_{pair.task}",
        width=460,
    )
    cell_patches = lab().labels.agreement.graded_twice(project_id, who.id, pair.key, pair.task, row, column)
    _pictures(cell_patches.patches)
    if cell_patches.hidden:
        hidden = words.count(cell_patches.hidden, "patch is", "patches are")
        st.caption(f"{hidden} not shown: you have not graded them yet, or are about to read them again.")


def _pictures(patches: Sequence[int]) -> None:
    if not patches:
        return
    for column, patch in zip(st.columns(MOST_PICTURES), patches[:MOST_PICTURES], strict=False):
        with column:
            st.image(
                theme.in_page(lab().slides.pictures.patch_jpeg(patch, context=1)),
                width="stretch",
                alt="A patch on which they differ",
            )
            if st.button("Show on the slide", key=f"differ_{patch}", type="tertiary"):
                go_to("slide", lab().slides.patch(patch).slide_id)
                go_to("patch", patch)
                open_page("slides")
    if len(patches) > MOST_PICTURES:
        st.caption(f"The first {MOST_PICTURES} of {len(patches)}.")


def group_table(view: AgreementView) -> None:
    """All readers together, one row per feature."""
    import pandas as pd

    table = [
        {"Feature": task(group.task).title, "Patches": f"{group.shared:,} ({group.by_all:,} by all)"}
        | {COEFFICIENTS[name].title: _both(estimate) for name, estimate in group.estimates.items()}
        for group in reversed(view.groups)
    ]
    with st.expander("All coefficients of all readers"):
        st.dataframe(pd.DataFrame(table), hide_index=True, alt="Agreement of all readers per feature")
    st.caption(
        "Patches two or more readers graded; Fleiss' κ counts only those that all graded. In brackets the 95 % "
        f"bootstrap interval; {DRAWN[view.groups[0].drawn]}."
    )


def _both(estimate: Estimate) -> str:
    return words.NOTHING if estimate.value is None else f"{_value(estimate)} ({interval(estimate)})"
