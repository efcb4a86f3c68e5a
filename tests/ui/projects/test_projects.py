"""Projects out of sight and the history of one; the page is gone through in tests/pages/test_overview.py."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.workflows.projects import Projects
from ui.projects import projects as parts


def page():
    import streamlit as st

    from ui.projects.projects import archived, lab, manage

    manage(lab().projects.get(st.session_state["project"]))
    archived(lab().projects.list(archived=True))


@pytest.fixture
def kept(label_bench, monkeypatch):
    projects = Projects(label_bench.services)
    monkeypatch.setattr(parts, "lab", lambda: SimpleNamespace(projects=projects))
    return projects


def test_a_history_names_who_did_what_and_the_archive_is_there_where_it_holds_something(kept, label_bench):
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["project"] = label_bench.project
    assert not app.run().exception and not app.expander
    assert "Nothing was written down" in " ".join(caption.value for caption in app.caption)
    kept.rename(label_bench.project, "<b>", by=label_bench.readers[0])
    kept.archive(kept.create("Old").id)
    app.run()
    assert not app.exception and app.expander[0].label == "Archived · 1"
    assert app.dataframe[0].value[["Who", "Did"]].values.tolist() == [["Ada", "renamed"]]
    assert app.dataframe[0].value["What"][0].endswith("→ <b>")
