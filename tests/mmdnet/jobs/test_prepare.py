from pathlib import Path

from db.engine import make_engine, session_factory
from db.models import Project
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
