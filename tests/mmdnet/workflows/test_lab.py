import subprocess
import sys
from types import SimpleNamespace

from mmdnet.settings import PROJECT_ROOT, Settings
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


def test_the_application_that_opens_a_lab_loads_no_network_code() -> None:
    code = "import sys, mmdnet.lab; sys.exit(any(name in sys.modules for name in ('torch', 'timm', 'openslide')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT).returncode == 0
