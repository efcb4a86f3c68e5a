from types import SimpleNamespace

from mmdnet.settings import Settings
from mmdnet.workflows.lab import Lab

SUBJECTS = (
    "jobs", "projects", "readers", "slides", "labels", "maps", "models", "training", "scoring", "reports", "store",
    "label_efficiency", "overview", "qupath", "tile_sets",
)  # fmt: skip


def test_every_subject_is_there_and_a_lab_opens_nothing_by_itself(tmp_path):
    def asked(*_):
        raise AssertionError("nothing may be asked of the database yet")

    lab = Lab(Settings(home=tmp_path / "home"), asked, SimpleNamespace())
    assert [name for name in SUBJECTS if not hasattr(lab, name)] == []
    assert not (tmp_path / "home").exists()
