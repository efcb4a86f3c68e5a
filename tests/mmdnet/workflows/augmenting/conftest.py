"""A copy for each test of the lab with graded patches, or of the one with a finished batch."""

import pytest

from tests.mmdnet.workflows.augmented import Graded


@pytest.fixture
def graded(graded_once, tmp_path) -> Graded:
    return graded_once.copied(tmp_path / "home")


@pytest.fixture
def finished(finished_once, tmp_path) -> Graded:
    return finished_once.copied(tmp_path / "home")


@pytest.fixture
def passed(finished) -> Graded:
    """As `finished`, and every child has passed: random weights make none that would."""
    from sqlalchemy import update

    from db.models import SyntheticPatch

    with finished.lab.db.begin() as session:
        session.execute(update(SyntheticPatch).values(refused=None))
    return finished
