"""A database at the newest revision with a project of two slides in it."""

import shutil

import pytest

from db.engine import make_engine, migrate, session_factory
from db.models import Model, Patch, Project, Score, Slide


@pytest.fixture(scope="session")
def new_database(tmp_path_factory):
    """A database at the newest revision with nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("new") / "rows.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sessions(tmp_path, new_database):
    return session_factory(make_engine(f"sqlite:///{shutil.copy(new_database, tmp_path)}"))


@pytest.fixture
def study(sessions):
    """Number of a project with a ready slide of three patches, scored, and one that waits for its µm per pixel."""
    with sessions.begin() as session:
        project = Project(name="Study")
        session.add(project)
        session.flush()
        common = {"project_id": project.id, "vendor": "none", "width_px0": 900, "height_px0": 900}
        ready = Slide(name="a.svs", path="a", fingerprint="a", status="ready", **common)
        waiting = Slide(name="b.svs", path="b", fingerprint="b", status="needs_mpp", **common)
        session.add_all([ready, waiting])
        session.flush()
        session.add_all(
            Patch(slide_id=ready.id, row=0, col=col, x_px0=col * 299, y_px0=0, tissue_share=1.0) for col in range(3)
        )
        model = Model(name="Net", project_id=project.id, folder="nowhere/net", weights_sha256="a" * 64, card={})
        session.add(model)
        session.flush()
        session.add(Score(slide_id=ready.id, model_id=model.id, result={}, file="1.safetensors"))
        return project.id
