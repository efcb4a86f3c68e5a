import pytest

from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.settings import Settings


def test_a_home_is_made_and_opened_again_with_what_was_in_it(tmp_path):
    settings = Settings(home=tmp_path / "home")
    project = open_lab(settings).projects.create("Study").id
    assert {"lab.sqlite", "jobs.sqlite"} <= {path.name for path in settings.home.iterdir()}
    assert [known.id for known in open_lab(settings).projects.list()] == [project]


def test_a_home_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises(LabError, match="cannot be made"):
        open_lab(Settings(home=tmp_path / "home" / "below"))
