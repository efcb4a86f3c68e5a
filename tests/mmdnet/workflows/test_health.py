"""Each part of the lab is asked, and what is wrong is told of that part alone."""

import shutil

from db.jobs import raise_beat
from mmdnet.troubles import AWAY, READ_ONLY
from mmdnet.workflows import health
from mmdnet.workflows.health import FINE, NO_WORKER, HealthView


def test_a_lab_whose_worker_gives_signs_of_life_is_well_and_one_without_says_so(lab, monkeypatch):
    monkeypatch.setattr(health, "KEPT_S", -1.0)
    assert lab.health.now() == HealthView(FINE, FINE, FINE, NO_WORKER)
    with lab.db.begin() as session:
        raise_beat(session, "here", {})
    assert lab.health.now().ok
    monkeypatch.setattr(health, "SILENT_S", 0.0)
    assert lab.health.now().worker == NO_WORKER
    with lab.db.begin() as session:
        raise_beat(session, "here", {})
    monkeypatch.setattr(health, "SILENT_S", 20.0)
    assert lab.health.now().ok


def test_a_lab_whose_folder_is_gone_says_so_of_each_part(lab, monkeypatch):
    monkeypatch.setattr(health, "KEPT_S", -1.0)
    lab.db.kw["bind"].dispose()
    shutil.rmtree(lab.settings.home)
    view = lab.health.now()
    assert (view.database, view.disk, view.ok) == (AWAY, READ_ONLY, False)
