"""A lab goes to PostgreSQL and comes back the same; what cannot be moved is refused and leaves nothing."""

import contextlib
from types import SimpleNamespace

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.dialects import postgresql, sqlite

from benchmarks._full_lab import Size, make_full_lab
from db.engine import make_engine
from db.models import WorkerLease
from mmdnet.backups import moving
from mmdnet.backups.moving import move_lab
from mmdnet.errors import LabError
from mmdnet.jobs.lease import lock_slot
from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import Settings
from mmdnet.workflows.labelling.views import PatchGrades
from tests.postgres import postgres


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return make_full_lab(tmp_path_factory.mktemp("full") / "home", Size(slides=4, patches=40, labels=16, jobs=5))


@pytest.fixture
def opened():
    """Opens labs, and lets go of their databases in the end: a server waits for its guests to leave."""
    labs = []

    def opening(settings):
        labs.append(open_lab(settings))
        return labs[-1]

    yield opening
    for lab in labs:
        lab.db.kw["bind"].dispose()
        lab.jobs._services.queue.close()


@pytest.fixture
def server():
    with postgres() as url:
        yield url


def spoilt(go_on):
    """The copying with one value of one row changed at its end."""

    def counting(writing):
        go_on(writing)
        writing.execute(text("UPDATE patches SET fat_area_share = 0.99 WHERE id = 7"))

    return counting


def test_a_lab_goes_to_postgresql_goes_on_there_and_comes_back(full, server, opened, tmp_path, monkeypatch):
    home = full.lab.settings
    with monkeypatch.context() as context:  # a copy that is not the same is taken away whole
        context.setattr(moving, "_go_on_counting", spoilt(moving._go_on_counting))
        with pytest.raises(LabError, match="Row 7 of patches"):
            move_lab(home, server)
    with contextlib.closing(make_engine(server).connect()) as connection:
        known = inspect(connection)
        assert known.get_table_names() == [] and "dbos" not in known.get_schema_names()
        connection.engine.dispose()
    moved = move_lab(home, server)
    assert (moved.rows["patches"], moved.events, moved.jobs, moved.jobs_url) == (40, 16, 5, "")
    there = opened(home.model_copy(update={"database_url": server}))
    assert there.labels.record.state() == full.lab.labels.record.state() == moved.last_hash
    assert there.jobs.list(full.project) == full.lab.jobs.list(full.project)
    patch = there.slides.patches(there.slides.list(full.project)[0].id)[-1].id
    there.labels.acts.put_many(full.project, full.readers[0], [PatchGrades(patch, Grades(steatosis=3))])
    with pytest.raises(LabError, match="is not empty"):
        move_lab(home, server)
    back, jobs = (f"sqlite:///{tmp_path / 'back' / name}" for name in ("lab.sqlite", "jobs.sqlite"))
    assert move_lab(there.settings, back).events == 17
    again = opened(home.model_copy(update={"database_url": back, "jobs_url": jobs}))
    assert again.labels.record.verify() == there.labels.record.verify()
    assert again.jobs.list(full.project) == there.jobs.list(full.project)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nonsense", "is no URL"),
        ("mysql://lab@127.0.0.1/lab", "PostgreSQL and SQLite, not on mysql"),
        ("sqlite:////tmp/elsewhere/jobs.sqlite", "the name of the queue's file"),
        ("postgresql://lab:secret@127.0.0.1:1/lab", r"lab:\*\*\*@127.0.0.1:1/lab cannot be reached"),
    ],
)
def test_an_address_that_will_not_do_is_refused(full, url, sentence):
    with pytest.raises(LabError, match=sentence):
        move_lab(full.lab.settings, url)


def test_a_lab_that_runs_or_lies_there_already_is_not_moved(full, tmp_path):
    target = f"sqlite:///{tmp_path / 'lab.sqlite'}"
    with pytest.raises(LabError, match="already"):
        move_lab(full.lab.settings, full.lab.settings.lab_url)
    for folder, slot in ((full.lab.settings.home, "lab"), (full.lab.settings.folder("locks"), "cpu")):
        with contextlib.closing(lock_slot(folder, slot)), pytest.raises(LabError, match="running"):
            move_lab(full.lab.settings, target)
    (tmp_path / "lab.sqlite").write_bytes((full.lab.settings.home / "lab.sqlite").read_bytes())
    with pytest.raises(LabError, match="not empty"):
        move_lab(full.lab.settings, target)
    with pytest.raises(LabError, match="no lab in"):
        move_lab(Settings(home=tmp_path / "nowhere"), target)


@pytest.mark.parametrize(("dialect", "order"), [(postgresql, 'worker_leases.executor_id COLLATE "C"'),
                                                (sqlite, "worker_leases.executor_id")])  # fmt: skip
def test_rows_are_compared_in_one_order_whatever_the_language_of_the_database(dialect, order):
    side = SimpleNamespace(dialect=dialect.dialect())
    (key,) = moving._by_bytes(side, WorkerLease.__table__)
    assert str(key.compile(dialect=side.dialect)) == order
