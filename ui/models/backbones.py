"""More backbones: which there are, and fetching one into the lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.shell.jobs import progress_line
from ui.shell.literal import literal, plain
from ui.shell.session import lab, refusals, say_next_run

if TYPE_CHECKING:
    from mmdnet.workflows.training.views import BackboneView

HERE, ON_HUB = "here", "on the hub"


def fetched_titles() -> dict[str, str]:
    """The backbones that were fetched into this lab, name and title; those of the program are in every form."""
    return {view.name: view.title for view in lab().backbones.list() if view.state == HERE}


def more_backbones() -> None:
    """A table of the backbones that have weights, and a form that fetches one."""
    with st.expander("More backbones", key="more_backbones"):
        views = lab().backbones.list()
        st.caption(
            "Weights are fetched once from the Hugging Face hub and kept in this lab; afterwards without internet. "
            "Encoders of pathology saw millions of pictures of tissue; most need a GPU, many forbid commercial use."
        )
        st.dataframe([_row(view) for view in views], hide_index=True, width="stretch")
        titles = {view.name: plain(view.title) for view in views if view.state in (ON_HUB, HERE)}
        picked = st.selectbox(
            "Backbone to fetch",
            list(titles),
            index=None,
            format_func=titles.__getitem__,
            key="fetch_backbone",
            placeholder="Choose one",
        )
        typed = st.text_input(
            "Or a repository of the hub",
            key="fetch_repository",
            placeholder="owner/name",
            help="Any repository in timm's form: a config.json and model.safetensors.",
        ).strip()
        name = typed or picked
        chosen = next((view for view in views if view.name == name), None)
        if chosen is not None and chosen.gated and chosen.state == ON_HUB:
            st.info(
                literal(
                    f"{chosen.name} is given to registered people only. Ask at huggingface.co/{chosen.hub_id}, and "
                    "start the lab with your token as HF_TOKEN (or run 'hf auth login' once on this machine). The lab "
                    "does not keep it."
                )
            )
        if st.button("Fetch", icon=":material/download:", key="fetch_start", disabled=not name) and name:
            with refusals():
                lab().backbones.submit(str(name))
                say_next_run("Fetching is queued")
                st.rerun()
        going = [job for job in lab().jobs.list(active=True) if job.kind == "backbone"]
        if going:
            st.fragment(_going, run_every=2.0)([job.id for job in going])
        elif (last := next((job for job in lab().jobs.list() if job.kind == "backbone"), None)) and last.failure:
            st.error(literal(last.failure), icon=":material/error:")


def _row(view: BackboneView) -> dict[str, str]:
    return {
        "Backbone": plain(view.title),
        "Where": view.state + (", gated" if view.gated and view.state == ON_HUB else ""),
        "Licence": plain(view.licence) or "as its page on the hub says",
        "Note": plain(view.note or (f"{view.hub_id} {view.revision[:12]}" if view.revision else view.hub_id)),
    }


def _going(ids: list[str]) -> None:
    jobs = [lab().jobs.get(job_id) for job_id in ids]
    if not any(job.active for job in jobs):
        st.rerun()
    for job in jobs:
        st.progress(min(max(job.share_done, 0.0), 1.0), text=f"{literal(job.title)}: {progress_line(job)}")
