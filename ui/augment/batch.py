"""One batch of synthetic patches as it is made and when it is done: counts by reason, parents beside children."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.augment.gate import REASONS
from mmdnet.labels.grading import task
from ui.shell import words
from ui.shell.jobs import job_card, made_at
from ui.shell.literal import in_html, literal, plain
from ui.shell.session import lab, reader, refusals
from ui.shell.theme import grade_chips, in_page

if TYPE_CHECKING:
    from mmdnet.augment.gate import GateLimits, GateValues
    from mmdnet.workflows.augmenting.views import BatchView, SyntheticView

PAIRS, LOOK = "Parents and children", "Blinded look"
AT_ONCE, NEWEST = 12, 2
PAIR_PX = 320
FLOOR_SHOWN, FLOOR_PX = 4, 120


@st.cache_data(show_spinner=False, max_entries=600)
def _child(synthetic_id: int, seed: int) -> bytes:
    return lab().augmenting.picture(synthetic_id)


@st.cache_data(show_spinner=False, max_entries=600)
def _parent(patch_id: int, slide: str) -> bytes:
    return lab().slides.pictures.patch_jpeg(patch_id)


def choose_batch(batches: Sequence[BatchView]) -> BatchView:
    """Which of the project's batches is shown, the newest at first."""
    known = {batch.id: batch for batch in batches}
    names = words.told_apart(
        {
            batch.id: f"{task(batch.choices.task).title} {batch.choices.least_grade}+, {plain(batch.origin.weights)}, "
            f"{made_at(batch.created_at)}"
            for batch in batches
        }
    )
    return known[st.selectbox("Batch", list(known), format_func=names.__getitem__, key="augment_batch_shown")]


def progress_and_counts(batch: BatchView) -> None:
    """The job with its newest pictures while it goes on; what the gate said of how many."""
    active = batch.job is not None and batch.job.active
    st.fragment(_progress_and_counts, run_every=2.0 if active else None)(batch.id, active)


def _progress_and_counts(augmentation_id: int, was_active: bool) -> None:
    batch = lab().augmenting.get(augmentation_id)
    if batch.job is None:
        st.warning("This batch was never queued. Start a new one.")
    elif was_active and not batch.job.active:
        st.rerun()
    elif batch.job.status != "done":
        job_card(batch.job)
    if was_active:
        with st.grid("auto", min_column_width=PAIR_PX):
            for child in lab().augmenting.children(augmentation_id, newest=NEWEST):
                _pair(child)
    _counts(batch)
    _origin(batch)
    if not was_active:
        _floor(batch)


def _counts(batch: BatchView) -> None:
    counts = batch.counts
    st.markdown(
        f"**{counts.passed:,} of {words.count(counts.judged, 'judged patch', 'judged patches')} passed the gate**; "
        f"{counts.made:,} of {counts.wanted:,} are made"
        + (
            f"; {counts.contradicted:,} that passed were graded otherwise in a blinded look"
            if counts.contradicted
            else ""
        )
    )
    if counts.refused:
        rows = "".join(
            f"<tr><td>{in_html(reason)}</td><td>{counts.refused[reason]:,}</td><td>{in_html(said)}</td></tr>"
            for reason, said in REASONS.items()
            if reason in counts.refused
        )
        st.html(
            f'<table class="mmd-criteria"><tr><th>Refused for</th><th>Patches</th><th>Because</th></tr>{rows}</table>'
        )


def _origin(batch: BatchView) -> None:
    origin, choices = batch.origin, batch.choices
    st.caption(
        literal(
            f"{origin.weights}, licence: {origin.licence}; predicts {origin.prediction_type}, {origin.scheduler}; "
            f"strength {choices.strength:g}, guidance {choices.guidance:g}, {origin.calls} calls a patch at "
            f"{origin.side_px} px, seed {choices.seed}; {origin.positives} positive and {origin.negatives} negative "
            f"parents; {origin.safety_checker}."
        )
    )


def _floor(batch: BatchView) -> None:
    """What the codec alone changes: no child is nearer to its parent."""
    floor = batch.origin.floor
    if floor is None:
        return
    with st.expander("The floor: what the codec alone changes", key=f"floor_{batch.id}", on_change="rerun") as box:
        if not box.open:
            return
        st.caption(
            f"Parents encoded and decoded with no noise between ({words.count(floor.patches, 'patch', 'patches')}): "
            f"{floor.difference:.1f} grey levels on average, SSIM {floor.similarity:.3f}, fat area "
            f"{100 * floor.fat_change:.1f} points, distance of features {floor.distance:.3f}. Nothing that is made "
            "with these weights lies nearer to its parent."
        )
        if floor.unfit:
            st.warning("The codec alone changes a patch as much as another patch would differ: no child can pass.")
        with st.container(horizontal=True), refusals():
            for patch_id in floor.patch_ids[:FLOOR_SHOWN]:
                with st.container(width=FLOOR_PX):
                    st.image(in_page(_parent(patch_id, "")), caption="parent", alt="A parent")
                    picture = lab().augmenting.floor_picture(batch.id, patch_id)
                    st.image(in_page(picture), caption="round trip", alt="The same, encoded and decoded")


def which_part() -> str:
    """The part of the page below: the pairs, or the blinded look."""
    parts = [PAIRS, LOOK]
    return st.segmented_control("Show", parts, default=PAIRS, required=True, key="augment_part")


def parents_and_children(batch: BatchView) -> None:
    """Parents beside their children with gate values, some at a time; not while this reader's blinded look goes on."""
    if _look_goes_on(batch.id):
        st.info("Hidden while your blinded look goes on: it would tell you which patches are synthetic.")
        return
    counts = batch.counts
    kinds = {"": f"all ({counts.made:,})", "passed": f"passed ({counts.passed:,})"}
    kinds |= {
        reason: f"refused: {reason} ({counts.refused[reason]:,})" for reason in REASONS if reason in counts.refused
    }
    with st.container(horizontal=True):
        kind = st.selectbox(
            "Which", list(kinds), format_func=kinds.__getitem__, key=f"augment_kind_{batch.id}", width=300
        )
        shown = {"": counts.made, "passed": counts.passed}.get(kind, counts.refused.get(kind, 0))
        pages = max(1, -(-shown // AT_ONCE))
        page = 1
        if pages > 1:
            page = int(
                st.number_input(f"Page, of {pages:,}", 1, pages, key=f"augment_page_{batch.id}_{kind}", width=140)
            )
    if not shown:
        st.caption("None yet." if not counts.made else "None of this batch.")
        return
    children = lab().augmenting.children(batch.id, verdict=kind, first=(page - 1) * AT_ONCE, count=AT_ONCE)
    st.caption("Left the parent, right what was made of it.")
    with st.grid("auto", min_column_width=PAIR_PX):
        for child in children:
            _pair(child)
    _limits(batch.origin.limits)


def _look_goes_on(augmentation_id: int) -> bool:
    who = reader()
    if who is None:
        return False
    state = lab().augmenting.looks.state(augmentation_id, who.id)
    return state.done > 0 and state.place is not None


def _pair(child: SyntheticView) -> None:
    """One parent and its child, the verdict, and what was measured."""
    with st.container(border=True, height="stretch", gap="small"):
        with st.grid(2, min_column_width=120, gap="xsmall"), refusals():
            st.image(in_page(_parent(child.parent_id, child.slide)), width="stretch", alt="The parent, a patch")
            st.image(in_page(_child(child.id, child.seed)), width="stretch", alt="The synthetic patch made of it")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if not child.judged:
                st.badge("not judged yet", color="gray")
            elif child.refused is None:
                st.badge("passed", color="green", icon=":material/check:")
            else:
                st.badge(literal(f"refused: {child.refused}"), color="orange", icon=":material/block:")
            st.html(grade_chips(child.grades), width="content")
        if child.refused is not None:
            st.markdown(literal(f"{REASONS[child.refused]}.".capitalize()))
        said = child.slide + (f" · {_values(child.values)}" if child.values else "")
        st.caption(literal(said.replace(" %", "\u00a0%")))


def _values(values: GateValues) -> str:
    parts = [
        f"structure {values.structure:.2f}",
        f"SSIM {values.similarity:.3f}",
        f"density ±{values.density_change:.2f}",
        "" if values.stain_degrees is None else f"stain {values.stain_degrees:.1f}°",
        f"focus ×{values.focus:.2f}",
        f"fat {100 * values.fat:.1f} % (parent {100 * values.parent_fat:.1f} %)",
        f"distance {abs(values.distance):.3f}",
        "" if values.grade_change is None else f"grade ±{values.grade_change:.2f}",
    ]
    return " · ".join(part for part in parts if part)


def _limits(limits: GateLimits) -> None:
    st.caption(
        literal(
            f"The gate asks for structure {limits.structure:g} or more, SSIM below {limits.same:g}, density within "
            f"{limits.density_change:g}, stain within {limits.stain_degrees:g}°, focus within a factor of "
            f"{limits.focus:g}, fat within {100 * limits.fat_change:g} points or a quarter of its parent's, the "
            f"model's grade within {limits.grade_change:g}, a distance that is neither no change nor another patch's, "
            f"and {limits.most_of_a_parent} of a parent at most."
        )
    )
