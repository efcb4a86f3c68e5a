"""Projects out of sight and the history of one; the page is gone through in tests/pages/test_overview.py."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.workflows.projects import Projects
from mmdnet.workflows.scoring.models import Models
from ui.projects import projects as parts


def page():
    import streamlit as st

    from ui.projects.projects import archived, lab, manage

    manage(lab().projects.get(st.session_state["project"]))
    archived(lab().projects.list(archived=True))


@pytest.fixture
def kept(label_bench, monkeypatch):
    projects = Projects(label_bench.services)
    models, labels = Models(label_bench.services), label_bench.labels
    monkeypatch.setattr(parts, "lab", lambda: SimpleNamespace(projects=projects, models=models, labels=labels))
    return projects


def test_a_history_names_who_did_what_and_the_archive_is_there_where_it_holds_something(kept, label_bench):
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["project"] = label_bench.project
    app.session_state[f"manage_project_{label_bench.project}"] = True
    assert not app.run().exception and not app.expander
    assert "Nothing was written down" in " ".join(caption.value for caption in app.caption)
    kept.rename(label_bench.project, "<b>", by=label_bench.readers[0])
    kept.archive(kept.create("Old").id)
    app.run()
    assert not app.exception and app.expander[0].label == "Archived · 1"
    assert app.dataframe[0].value[["Who", "Did"]].values.tolist() == [["Ada", "renamed"]]
    assert app.dataframe[0].value["What"][0].endswith("→ <b>")


def test_whether_the_reader_grades_first_is_switched_and_stands_in_the_history(kept, label_bench):
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["project"] = label_bench.project
    app.session_state[f"manage_project_{label_bench.project}"] = True
    app.run()
    switch = f"reader_first_{label_bench.project}"
    assert not app.toggle(key=switch).value
    app.toggle(key=switch).set_value(True).run()
    assert not app.exception and app.toggle(key=switch).value and kept.get(label_bench.project).reader_first
    assert app.dataframe[0].value["What"][0] == "reader's grades first: on"
    kept.set_reader_first(label_bench.project, False)
    assert not app.run().toggle(key=switch).value, "what another changed is shown"
