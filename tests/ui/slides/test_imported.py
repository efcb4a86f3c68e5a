"""Features from elsewhere, on a slide's page: a file is queued to be compared, and what came of it is told."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from tests.small_lab import draw_tissue


def page():
    from ui.slides import imported

    imported.features_from_elsewhere(imported.lab().slides.list(1)[0])


@pytest.fixture
def lab(tmp_path, new_home, monkeypatch):
    lab = open_lab(Settings(home=shutil.copytree(new_home, tmp_path / "home")))
    lab.slides.register(lab.projects.create("P").id, draw_tissue(tmp_path / "a.png", side=300))
    monkeypatch.setattr("ui.slides.imported.lab", lambda: lab)
    return lab


def test_a_file_is_queued_and_its_outcome_told(lab):
    app = AppTest.from_function(page, default_timeout=60).run()
    assert app.selectbox(key="features_backbone").value == "efficientnet-lite0"
    assert app.button(key="features_take").disabled
    app.get("file_uploader")[0].set_value(("mine.h5", b"x", "application/x-hdf5")).run()
    app.button(key="features_take").click().run()
    (job,) = lab.jobs.list()
    assert (job.title, job.status) == ("Features of a.png from mine.h5", "queued") and not app.error
    assert "mine.h5: queued" in app.caption[-1].value
    assert app.get("download_button")
