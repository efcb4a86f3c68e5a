"""Agreement: how far readers agree on the patches they have in common, and what to read again."""

import streamlit as st

from ui import agreement as parts
from ui.session import lab, project_or_stop, reader

project = project_or_stop("Agreement")
st.title("Agreement")
pairs, groups = parts.compared(project.id, lab().labels.log_state())
who = reader()
if not pairs:
    st.info(
        "Two readers have no patch in common yet. Let a second reader grade some of the same patches: choose the other "
        "reader's name in the side bar, then start second reads. Neither sees what the other gave."
    )
else:
    couples = list(dict.fromkeys((pair.first, pair.second) for pair in pairs))
    chosen = st.selectbox("Readers", couples, format_func=" and ".join, key="agreement_pair", width=340)
    shown = [pair for pair in pairs if (pair.first, pair.second) == chosen]
    parts.pair_table(shown)
    st.caption("In brackets: 95 % bootstrap interval. Slides are drawn where there are five or more, else patches.")
    for column, pair in zip(st.columns(3), shown, strict=False):
        with column:
            parts.confusion_figure(pair)
    if groups and groups[0].readers > 2:
        st.subheader(f"All {groups[0].readers} readers")
        parts.group_table(groups)
    st.subheader("Beside published readers")
    parts.published()

st.subheader("Read again")
if who is None:
    st.caption("Choose your name under Reader in the side bar to start second reads, repeat reads or adjudication.")
else:
    parts.review_buttons(project.id, who.id)
