"""Queries about slides and their patches."""

import pytest
from sqlalchemy import select

from db.models import Patch, Slide
from db.slides import (
    PatchRow,
    cells_with_ids,
    labelled_events,
    patch_cells,
    patch_counts,
    patch_rows,
    patches_of,
    patches_with_ids,
    replace_patches,
    signed_scores,
    slide_at,
    slide_with_fingerprint,
    slides_by_id,
    slides_of,
    usable_ids,
    work_sizes,
)
from mmdnet.slides.facts import SlideFacts
from tests.label_bench import write_score


@pytest.fixture
def session(label_bench):
    with label_bench.db.begin() as opened:
        yield opened


def patch(row: int, col: int, set_aside: str | None = None) -> dict:
    return {
        "row": row, "col": col, "x_px0": col, "y_px0": row, "tissue_share": 1.0, "fat_area_share": None, "quality": {},
        "set_aside": set_aside,
    }  # fmt: skip


def test_slides_are_found_by_project_path_and_content(label_bench, session):
    slides = slides_of(session, label_bench.project)
    assert [slide.name for slide in slides] == ["slide 0", "slide 1"]
    assert slide_at(session, label_bench.project, "nowhere/1") is slides[1]
    assert slide_with_fingerprint(session, label_bench.project, "print0") is slides[0]
    assert slides_by_id(session, [slides[1].id, -1, *range(-2000, 0)]) == {slides[1].id: slides[1]}
    assert slide_at(session, label_bench.project + 1, "nowhere/1") is None


def test_patches_set_aside_are_counted_and_not_usable_unless_overruled(label_bench, session):
    slide = label_bench.slides[0]
    assert replace_patches(session, slide, [patch(1, 0), patch(0, 1, "pen"), patch(0, 0, "blur")]) == 3
    session.scalar(select(Patch).where(Patch.set_aside == "pen")).overruled = True
    session.flush()
    assert patch_counts(session, label_bench.slides) == {slide: (3, 2), label_bench.slides[1]: (30, 30)}
    assert [(row.row, row.col) for row in patches_of(session, slide)] == [(0, 0), (0, 1), (1, 0)]
    assert [(row.row, row.col) for row in patches_of(session, slide, usable_only=True)] == [(0, 1), (1, 0)]
    assert [cell[1:] for cell in patch_cells(session, [slide])[slide]] == [(0, 0), (0, 1), (1, 0)]
    assert len(usable_ids(session, label_bench.project)) == 32
    assert work_sizes(session, [label_bench.slides[1], None, slide]) == [40, 1, 12]


def test_patches_come_by_slide_and_row_whatever_the_order_asked(label_bench, session):
    first, second = label_bench.slides
    wanted = [label_bench.patches[second][5], label_bench.patches[first][7], label_bench.patches[first][2]]
    rows = patches_with_ids(session, wanted)
    assert [row.id for row in rows] == [wanted[2], wanted[1], wanted[0]]


def test_a_slide_with_scores_alone_carries_no_labels_and_no_signatures(label_bench):
    scored = label_bench.slides[1]
    write_score(label_bench.services.settings, label_bench.db, scored, {})
    with label_bench.db() as session:
        assert (labelled_events(session, scored), signed_scores(session, scored)) == (0, 0)


def test_facts_are_the_columns_and_change_them(label_bench, session):
    slide = session.get(Slide, label_bench.slides[0])
    assert isinstance(slide.facts, SlideFacts) and slide.facts.fingerprint == "print0"
    slide.facts = SlideFacts("new", "v", "r", 10, 20, patient="P9")
    session.flush()
    session.expire(slide)
    assert (slide.fingerprint, slide.width_px0, slide.patient, slide.mpp_x) == ("new", 10, "P9", None)


def test_rows_hold_what_the_patches_hold_in_the_same_order(label_bench, session):
    slide = label_bench.slides[0]
    rows, patches = patch_rows(session, slide), patches_of(session, slide)
    assert rows and [row.id for row in rows] == [patch.id for patch in patches]
    for name in PatchRow._fields:
        assert [getattr(row, name) for row in rows] == [getattr(patch, name) for patch in patches], name
    cells = cells_with_ids(session, [patch.id for patch in patches])
    assert cells == {patch.id: (patch.row, patch.col) for patch in patches} and cells_with_ids(session, []) == {}
