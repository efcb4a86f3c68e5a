"""A lab's databases moved to another URL, SQLite to PostgreSQL or back: copied whole, compared row by row and by the
chains of hashes. The lab it came from is not touched; files of the home stay where they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    MetaData,
    String,
    Table,
    collate,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db import access_log, account_models, event_log, searches, slide_readings
from db.engine import as_url, make_engine, migrate
from db.models import Base
from mmdnet.backups.databases import JOBS, is_sqlite
from mmdnet.errors import LabError
from mmdnet.jobs.lease import lock_slot
from mmdnet.jobs.queue import QUEUE_SCHEMA, JobQueue
from mmdnet.jobs.queue_files import AT_ONCE, copy_queue, copy_rows
from mmdnet.progress import Progress, between, silent
from mmdnet.settings import Settings

# Of the migrations' triggers.
OWN_FUNCTIONS = (
    "SELECT proname FROM pg_proc WHERE proname LIKE '%\\_append\\_only' "
    "AND pronamespace = CAST(current_schema() AS regnamespace)"
)
CHAINS = (event_log.verify, slide_readings.verify, access_log.verify)
TABLES = (*Base.metadata.sorted_tables,)
for elsewhere in (account_models.Account, searches.Search):  # their modules were imported, so no table is left out
    assert elsewhere.__table__ in TABLES


@dataclass(frozen=True)
class Moved:
    """What was moved: rows by table, jobs of the queue, events in the record of labels and the hash of the last.

    `jobs_url` is the queue's new address, "" where that is the lab's own.
    """

    rows: dict[str, int]
    jobs: int
    events: int
    last_hash: str
    jobs_url: str


def move_lab(settings: Settings, url: str, step: Progress = silent) -> Moved:
    """Copy the lab's databases to this URL and compare both; on SQLite the queue lies beside, in `jobs.sqlite`.

    Nobody writes meanwhile: labels wait.

    Raises:
        LabError: the lab runs, the target holds something or cannot be used, or the copy is not the same. The target
            is then as empty as before, and the lab as it was.
    """
    target = _target(settings, url)
    with _at_rest(settings):
        migrate(settings.lab_url)
        _check_empty(target)
        try:
            migrate(target.lab_url)
            for queue in (settings, target):
                JobQueue(queue.queue_url).prepare()
            return _moved(settings, target, step)
        except BaseException as problem:
            emptied = _empty(target)
            if isinstance(problem, SQLAlchemyError):
                said = str(getattr(problem, "orig", problem)).strip().splitlines()[0]
                left = "is empty again" if emptied else "still holds parts of the copy: empty it before the next try"
                raise LabError(
                    f"The lab could not be copied: {said}. The lab is as it was; the target {left}."
                ) from problem
            raise


def _target(settings: Settings, url: str) -> Settings:
    kind = as_url(url).get_backend_name()
    if as_url(url) == as_url(settings.lab_url):
        raise LabError("The lab lies there already. Nothing was changed.")
    file = Path(as_url(url).database or "")
    if kind == "sqlite" and file.name == JOBS:
        raise LabError(f"{JOBS} is the name of the queue's file. Name the lab's file otherwise; nothing was changed.")
    jobs = str(as_url(url).set(database=str(file.with_name(JOBS))))
    return settings.model_copy(update={"database_url": url, "jobs_url": jobs if kind == "sqlite" else ""})


@contextlib.contextmanager
def _at_rest(settings: Settings) -> Iterator[None]:
    """The lab's home while neither the lab nor a worker of this machine runs on it."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock_slot(settings.home.resolve(), "lab"))
            for file in sorted(settings.folder("locks").glob("*.lock")):
                held.enter_context(lock_slot(file.parent, file.stem))
        except OSError as error:
            raise LabError(f"There is no lab in {settings.home} that could be moved.") from error
        except LabError as error:
            raise LabError("The lab or one of its workers is running. Stop them first; nothing was changed.") from error
        yield


def _check_empty(target: Settings) -> None:
    for url in {target.lab_url, target.queue_url}:
        engine = make_engine(url)
        place = as_url(url).set(drivername=as_url(url).get_backend_name()).render_as_string(hide_password=True)
        if is_sqlite(url) and not Path(as_url(url).database or "").exists():
            continue
        try:
            known = inspect(engine)
            there = known.get_table_names() or (QUEUE_SCHEMA in known.get_schema_names() and not is_sqlite(url))
        except SQLAlchemyError as error:
            raise LabError(
                f"{place} cannot be reached. Check address, server and rights; nothing was changed."
            ) from error
        finally:
            engine.dispose()
        if there:
            raise LabError(f"{place} is not empty. Name an empty database or a new file; nothing was changed.")


def _moved(settings: Settings, target: Settings, step: Progress) -> Moved:
    source, goal = make_engine(settings.lab_url), make_engine(target.lab_url)
    try:
        with Session(source) as reading:
            _lock(reading.connection())
            with goal.begin() as writing:
                rows = {
                    table.name: copy_rows(reading.connection(), writing, table, insert(table))
                    for table in _told(TABLES, between(step, 0.0, 0.5), "Copying")
                }
                _go_on_counting(writing)
            with Session(goal) as written:
                for table in _told(TABLES, between(step, 0.5, 0.9), "Comparing"):
                    _compare(reading.connection(), written.connection(), table)
                step(0.9, "Checking the record")
                events, last_hash = _same_chains(reading, written)
    finally:
        source.dispose()
        goal.dispose()
    return Moved(rows, copy_queue(settings.queue_url, target.queue_url), events, last_hash, target.jobs_url)


def _told(tables: Sequence[Table], step: Progress, doing: str) -> Iterator[Table]:
    for number, table in enumerate(tables):
        step(number / len(tables), f"{doing} {table.name}")
        yield table


def _lock(connection: Connection) -> None:
    """Let no other write until this connection is closed."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("UPDATE projects SET id = id WHERE id = -1"))
    else:
        connection.execute(text(f"LOCK TABLE {', '.join(table.name for table in TABLES)} IN SHARE MODE"))


def _go_on_counting(connection: Connection) -> None:
    """Let PostgreSQL number new rows after those copied."""
    if connection.dialect.name == "sqlite":
        return
    for table in TABLES:
        if table.autoincrement_column is not None:
            newest = connection.scalar(select(func.max(table.autoincrement_column)))
            name = func.pg_get_serial_sequence(table.name, table.autoincrement_column.name)
            connection.execute(select(func.setval(name, newest or 1, newest is not None)))


def _compare(first: Connection, second: Connection, table: Table) -> None:
    """Row by row, value by value.

    Raises:
        LabError: a row differs.
    """
    rows = [
        side.execution_options(yield_per=AT_ONCE).execute(select(table).order_by(*_by_bytes(side, table)))
        for side in (first, second)
    ]
    for number, (before, after) in enumerate(zip_longest(*rows), start=1):
        if before is None or after is None or tuple(before) != tuple(after):
            raise LabError(f"Row {number} of {table.name} is not the same after copying, so nothing was kept of it.")


def _by_bytes(side: Connection, table: Table) -> list[ColumnElement[Any]]:
    """A table's key to order by, text by its bytes on either database; PostgreSQL's own order is that of a language."""
    text_by = side.dialect.name != "sqlite"
    return [
        collate(key, "C") if text_by and isinstance(key.type, String) else key.expression for key in table.primary_key
    ]


def _same_chains(first: Session, second: Session) -> tuple[int, str]:
    verdicts = [[verify(side) for verify in CHAINS] for side in (first, second)]
    for before, after in zip(*verdicts, strict=True):
        if before != after or not after.intact:
            raise LabError(
                "The record does not hold after copying; ask 'mmdnet audit verify' of this lab. Nothing was kept."
            )
    return verdicts[0][0].events, verdicts[0][0].last_hash


def _empty(target: Settings) -> bool:
    """Take away what was made where nothing was; False where the server did not let it."""
    for url in (target.lab_url, target.queue_url):
        if is_sqlite(url):
            file = Path(as_url(url).database or "")
            for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
                file.with_name(name).unlink(missing_ok=True)
    if is_sqlite(target.lab_url):
        return True
    engine = make_engine(target.lab_url)
    try:
        with engine.begin() as connection:
            everything: Any = MetaData()
            everything.reflect(connection)
            everything.drop_all(connection)
            connection.execute(text(f"DROP SCHEMA IF EXISTS {QUEUE_SCHEMA} CASCADE"))
            for name in connection.scalars(text(OWN_FUNCTIONS)).all():
                connection.execute(text(f"DROP FUNCTION {name}()"))
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()
    return True
