"""More backbones, on the Train page: what there is, what a gated one asks for, and that fetching is queued."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.lab import open_lab
from mmdnet.settings import Settings


def page():
    from ui.models.backbones import more_backbones

    more_backbones()


@pytest.fixture
def lab(tmp_path, new_home, monkeypatch):
    lab = open_lab(Settings(home=shutil.copytree(new_home, tmp_path / "home")))
    monkeypatch.setattr("ui.models.backbones.lab", lambda: lab)
    return lab


def test_one_is_chosen_told_to_be_gated_and_its_fetching_queued(lab):
    app = AppTest.from_function(page, default_timeout=60).run()
    table = app.dataframe[0].value
    assert "with the program" in set(table["Where"]) and "on the hub, gated" in set(table["Where"])
    assert app.button(key="fetch_start").disabled and not app.info
    app.selectbox(key="fetch_backbone").set_value("Virchow2").run()
    assert "registered people only" in app.info[0].value and "HF_TOKEN" in app.info[0].value
    app.button(key="fetch_start").click().run()
    assert not app.error
    (job,) = lab.jobs.list()
    assert (job.kind, job.title, job.status) == ("backbone", "Fetch the backbone Virchow2", "queued")
    assert app.get("progress")


def test_a_name_that_is_none_is_refused_and_drawn_as_it_is(lab):
    app = AppTest.from_function(page, default_timeout=60).run()
    app.text_input(key="fetch_repository").set_value("a *b*/../c").run()
    app.button(key="fetch_start").click().run()
    assert r"a \*b\*/../c" in app.error[0].value and not lab.jobs.list()
