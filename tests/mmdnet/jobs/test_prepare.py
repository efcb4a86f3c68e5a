from pathlib import Path

import pytest

from db.engine import make_engine, session_factory
from db.models import Project
from mmdnet.errors import LabError
from mmdnet.jobs.prepare import prepare
from mmdnet.settings import Settings


def test_a_lab_is_new_until_it_has_a_project(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    assert prepare(settings)
    assert prepare(settings)
    engine = make_engine(settings.lab_url)
    with session_factory(engine).begin() as session:
        session.add(Project(name="Mine"))
    engine.dispose()
    assert not prepare(settings)


def test_a_lab_whose_pages_are_spoilt_does_not_start_and_names_the_way_back(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    prepare(settings)
    file = settings.home / "lab.sqlite"
    content = bytearray(file.read_bytes())
    content[8 * 4096 : 12 * 4096] = b"\xff" * (4 * 4096)
    file.write_bytes(content)
    with pytest.raises(LabError, match=r"damaged.*last backup"):
        prepare(settings)
