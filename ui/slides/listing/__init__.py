"""The list of slides: a table whose pictures and names open a slide, by mouse, by Enter, or in a tab of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from pydantic_core import to_jsonable_python

from ui.server.door import under_base
from ui.shell import words
from ui.shell.access import view_access
from ui.shell.literal import plain
from ui.shell.scripts import bundle
from ui.shell.session import go_to, lab, person
from ui.slides.viewer import YOUNGER_TOKEN_S
from ui.slides.zoom_routes import PICTURES_AT

if TYPE_CHECKING:
    from mmdnet.workflows.scoring.views import ScoreView
    from mmdnet.workflows.slides.views import SlideView

ASK_MPP = "Enter µm per pixel"
_HERE = Path(__file__).parent
_Cell = str | float | None


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its head, what stands in it for ordering, and how that is written (a dash where there is nothing).

    One that is `seldom` filled stands only where a slide listed has something for it.
    """

    title: str
    value: Callable[[SlideView, ScoreView | None], _Cell]
    written: Callable[[Any], str] = str
    number: bool = False
    help: str = ""
    seldom: bool = False


def _state(slide: SlideView, score: ScoreView | None) -> str:
    return ASK_MPP if slide.status == "needs_mpp" else words.STATUS.get(slide.status, slide.status)


def _number(name: str) -> Callable[[SlideView, ScoreView | None], _Cell]:
    return lambda slide, score: getattr(slide, name)


def _text(name: str) -> Callable[[SlideView, ScoreView | None], _Cell]:
    return lambda slide, score: None if (said := getattr(slide, name)) is None else plain(said)


def _signed(slide: SlideView, score: ScoreView | None) -> _Cell:
    return None if score is None or score.signed is None else f"{score.signed.at:%Y-%m-%d}"


def _fat(slide: SlideView, score: ScoreView | None) -> _Cell:
    return None if slide.fat_area_share is None else 100 * slide.fat_area_share


COLUMNS = (  # what matters first: a tablet shows the first eight
    _Column("Slide", _text("name")),
    _Column("State", _state),
    _Column("NAS", lambda slide, score: None if score is None else score.nas, number=True, help=words.NAS_HELP),
    _Column("NAS by", lambda slide, score: words.nas_by(score)),
    _Column("Patient", _text("patient")),
    _Column("Visit", _text("visit"), seldom=True),
    _Column("Signed", _signed),
    _Column("Labelled", _number("labelled"), "{:,}".format, True),
    _Column("Patches", _number("usable"), "{:,}".format, True, "Patches in use; those set aside are not counted."),
    _Column("Fat, %", _fat, "{:.1f}".format, True, "Area of fat droplets in tissue, measured without the network."),
    _Column("Tissue, mm²", _number("tissue_mm2"), "{:.1f}".format, True),
    _Column("Stain", _text("stain")),
    _Column("Scanner", _text("scanner"), seldom=True),
    _Column("Site", _text("site"), seldom=True),
    _Column("Staining run", _text("staining_run"), seldom=True),
)
ASK_AT = next(place for place, column in enumerate(COLUMNS) if column.value is _state)


@dataclass(frozen=True, slots=True)
class _Row:
    """A slide as the list's script takes it: `cells` for ordering, `words` to be read."""

    id: int
    href: str
    asks: bool
    cells: list[_Cell]
    words: list[str]


@cache
def _component() -> Any:
    return st.components.v2.component(
        "mmdnet_slide_list",
        html=(_HERE / "listing.html").read_text("utf-8"),
        css=(_HERE / "listing.css").read_text("utf-8"),
        js=bundle(_HERE / "index.js"),
    )


def slide_list(project_id: int, slides: Sequence[SlideView], leading: Mapping[int, ScoreView]) -> None:
    """These slides of the project; one that is opened is where this tab is from then on.

    Args:
        leading: by slide the score that leads.
    """
    if not slides:
        st.caption("No slide is like that. Take a filter back.")
        return
    st.fragment(_draw, run_every=YOUNGER_TOKEN_S)(project_id, slides, leading)


def _draw(project_id: int, slides: Sequence[SlideView], leading: Mapping[int, ScoreView]) -> None:
    if st.session_state.pop("slide_opened", False):
        st.rerun()
    key = f"slide_list_{project_id}"
    known = {slide.id for slide in slides}
    scored = [(slide, leading.get(slide.id)) for slide in slides]
    columns = [
        column for column in COLUMNS if not column.seldom or any(column.value(*one) is not None for one in scored)
    ]
    _component()(
        key=key,
        data={
            "columns": [{"title": column.title, "number": column.number, "help": column.help} for column in columns],
            "rows": to_jsonable_python([_row(slide, score, columns) for slide, score in scored]),
            "ask_at": ASK_AT,
            "pictures": under_base(PICTURES_AT),
            "token": view_access(lab(), project_id, person()),
        },
        on_open_change=lambda: _open(st.session_state[key].open, known),
    )


def _row(slide: SlideView, score: ScoreView | None, columns: Sequence[_Column]) -> _Row:
    cells = [column.value(slide, score) for column in columns]
    return _Row(
        slide.id,
        under_base(f"/slides?project={slide.project_id}&slide={slide.id}"),
        slide.status == "needs_mpp",
        cells,
        [words.NOTHING if cell is None else column.written(cell) for cell, column in zip(cells, columns, strict=True)],
    )


def _open(slide_id: object, known: set[int]) -> None:
    """Be at that slide, if it is one of the list: the number comes from the browser."""
    if isinstance(slide_id, int) and slide_id in known:
        go_to("slide", slide_id)
        st.session_state["slide_opened"] = True
