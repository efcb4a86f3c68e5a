"""Labels out to a file and in again, on the page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.files import KINDS
from ui.shell import words
from ui.shell.literal import literal, plain
from ui.shell.session import lab, refusals, say_next_run
from ui.shell.tables import table_height

if TYPE_CHECKING:
    from mmdnet.workflows.labelling.views import ImportOutcome
    from mmdnet.workflows.views import ProjectView, ReaderView

MIME = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "jsonl": "application/jsonl",
    "geojson": "application/geo+json",
    "zip": "application/zip",
}
MOST_PROBLEMS = 500
MOST_ROWS = 50_000  # of a file that is read while a page waits; `mmdnet labels import` takes ten times as many
ALL = 0  # in place of a slide's number


def export(project: ProjectView, who: ReaderView) -> None:
    """A file of the labels this reader may see."""
    out = lab().labels.files.export(project.id, "csv", seen_by=who.id)
    if not out.labels:
        st.info("There are no labels you may see yet. Grade some patches, and they can be saved to a file here.")
        return
    slides = words.told_apart(
        {slide.id: plain(slide.name) for slide in lab().slides.list(project.id) if slide.labelled}
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox("Kind of file", list(KINDS), format_func=KINDS.__getitem__, key="export_kind", width=190)
        slide = st.selectbox(
            "Slides",
            [ALL, *slides] if kind != "geojson" else list(slides),
            format_func=lambda key: "all" if key == ALL else slides[key],
            key=f"export_slide_{kind == 'geojson'}",
            width=260,
        )
        st.download_button(
            "Save labels",
            data=partial(_data, project.id, kind, None if slide == ALL else slide, who.id),
            file_name=f"{_stem(project.name)}_labels.{kind}",
            mime=MIME[kind],
            icon=":material/download:",
            key="export_labels",
            on_click="ignore",
        )
    hidden = (
        f" {words.count(out.hidden, 'label', 'labels')} of other readers stay out until you have graded those patches."
    )
    st.caption(f"{words.count(out.labels, 'label')} in all.{hidden if out.hidden else ''}")


def _data(project_id: int, kind: str, slide: int | None, reader_id: int) -> bytes:
    return lab().labels.files.export(project_id, kind, slide_id=slide, seen_by=reader_id).data


def _stem(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)


def import_(project: ProjectView, who: ReaderView) -> None:
    """A file is looked at first; what is wrong is told line by line, and only then anything is put in."""
    round_ = st.session_state.get("import_round", 0)
    sent = st.file_uploader(
        "File of labels",
        type=["csv", "txt", "parquet", "jsonl", "ndjson", "geojson", "json", "zip"],
        key=f"import_{project.id}_{round_}",
        help="Needed are the columns slide, x_px0, y_px0 (a patch's corner, level-0 pixels) and at least one feature.",
    )
    if sent is None:
        return
    data = sent.getvalue()
    missing = st.text_input(
        "Who graded, where the file does not say", value=who.name, key="import_reader", width=320
    ).strip()
    put = partial(
        lab().labels.files.import_file, project.id, sent.name, data, reader=missing, by=who.id, most=MOST_ROWS
    )
    seen = put(preview=True)
    _told(seen)
    if not seen.imported:
        return
    label = f"Import {words.count(seen.imported, 'label')}" if not seen.problems else "Import the good rows only"
    if st.button(label, type="primary", key="import_now"):
        with refusals():
            done = put(take_good=True)
            st.session_state["import_round"] = round_ + 1
            say_next_run(f"{words.count(done.imported, 'label')} imported")
            st.rerun()


def _told(seen: ImportOutcome) -> None:
    """What an import would do, and what is wrong with the file."""
    import pandas as pd

    if seen.problems:
        st.error(
            f"{words.count(len(seen.problems), seen.counted)} cannot be used. Nothing has been imported.",
            icon=":material/error:",
        )
        table = pd.DataFrame(
            [
                {
                    "File": plain(wrong.file),
                    seen.counted.capitalize(): wrong.line,
                    "What is wrong": plain(wrong.problem),
                }
                for wrong in seen.problems
            ]
        )
        if not any(wrong.file for wrong in seen.problems):
            table = table.drop(columns="File")
        st.dataframe(
            table.head(MOST_PROBLEMS),
            hide_index=True,
            height=table_height(len(table), 8),
            column_config={
                seen.counted.capitalize(): st.column_config.NumberColumn(width=70),
                "What is wrong": st.column_config.TextColumn(width=900),
            },
            alt="What is wrong with the file, line by line",
        )
        if len(table) > MOST_PROBLEMS:
            st.caption(f"The first {MOST_PROBLEMS:,} of {len(table):,}.")
    parts = [f"{literal(name)}: {words.count(count, 'label')}" for name, count in seen.readers]
    if seen.imported:
        st.markdown(f"**{words.count(seen.imported, 'new label')}** to import ({', '.join(parts)})")
    elif not seen.problems:
        st.success("Every label of this file stands already.")
    if seen.unchanged:
        st.caption(
            f"{words.count(seen.unchanged, 'label')} stand already and stay as they are; what other readers have "
            "graded is never changed by a file."
        )
    if seen.not_read:
        st.caption(f"Columns that mean nothing here: {literal(', '.join(seen.not_read))}.")
