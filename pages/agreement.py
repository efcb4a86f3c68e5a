"""Agreement: how far readers agree, what to read again, labels as files, and the state of the record."""

import streamlit as st

from ui.agreement import agreement as parts
from ui.agreement import reviews
from ui.agreement.leaning import leaning
from ui.label import files as label_files
from ui.shell.literal import literal
from ui.shell.memory import ask_reader
from ui.shell.session import project_or_stop, reader

project = project_or_stop("Agreement")
st.title("Agreement")
who = reader()
compare, again, files, record = st.tabs(
    ["Compare", "Read again", "Files", "Record"], key="part", bind="query-params", on_change="rerun"
)

if compare.open:
    with compare:
        view = parts.compared(project.id)
        if not view.comparisons:
            if not view.readers:
                st.info("Nobody has graded a patch of this project yet.")
                st.page_link("pages/label.py", label="Label patches", icon=":material/edit:")
            else:
                st.info(
                    f"Only {literal(', '.join(view.readers))} graded patches, and nothing stands beside those "
                    "grades yet. Let a second reader grade some of the same patches, under a name of their own: "
                    "begin second reads under Read again. Neither sees what the other gave. "
                    "A model that scored these slides is compared, too."
                )
        else:
            parts.overview(view)
            if view.groups:
                st.header(f"All {view.groups[0].readers} readers together")
                parts.group_table(view)
            st.header("Two in detail")
            chosen = parts.choose(view)
            if chosen is None:
                st.caption("They have graded no patch in common for this feature.")
            else:
                parts.details(project.id, chosen, who)
        if view.learnt_from:
            st.caption(
                f"{view.learnt_from:,} labels are not held against the model: they lie on slides it has learnt from."
            )
        leaning(project.id)

if again.open:
    with again:
        reviews.read_again(project.id, who)
        st.header("One label of several")
        reviews.consensus_rule(project.id, who)

if files.open:
    with files:
        if who is None:
            ask_reader("which labels you may see depends on who reads")
        else:
            st.header("Save labels to a file")
            label_files.export(project, who)
            st.header("Import labels from a file")
            label_files.import_(project, who)

if record.open:
    with record:
        reviews.record()
