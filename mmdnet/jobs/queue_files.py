"""Where the queue of a lab lies: its tables made, its rows copied from one database to another."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import JSON, Connection, Engine, Insert, MetaData, Table, insert, inspect, select

from db.engine import as_url, make_engine
from mmdnet.jobs.queue import QUEUE_SCHEMA, QUEUE_TABLE, JobQueue
from mmdnet.settings import Settings

AT_ONCE = 2_000  # rows in one statement


def prepared_queue(settings: Settings) -> JobQueue:
    """The lab's queue, its tables made. Builds before kept the queue of a lab at an address of SQLite in the lab's own
    file: its jobs are taken over when the queue's file is made.

    Raises:
        LabError: a database cannot be reached or written.
    """
    url = as_url(settings.queue_url)
    is_new = url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()
    queue = JobQueue(settings.queue_url)
    queue.prepare()
    if is_new and _holds_queue(settings.lab_url):
        copy_queue(settings.lab_url, settings.queue_url)
    return queue


def copy_queue(source_url: str, goal_url: str) -> int:
    """Copy every job's row of one queue into another that has none of them, SQLite or PostgreSQL; how many."""
    engines = [make_engine(source_url), make_engine(goal_url)]
    try:
        source, goal = (_queue_table(engine) for engine in engines)
        for column in source.columns:  # what PostgreSQL knows as JSON is text in SQLite
            if any(isinstance(table.columns[column.name].type, JSON) for table in (source, goal)):
                source.columns[column.name].type = goal.columns[column.name].type = JSON()
        into = insert(goal)
        if engines[1].dialect.name == "sqlite":  # another process may be at it too
            into = into.prefix_with("OR IGNORE")
        with engines[0].connect() as reading, engines[1].begin() as writing:
            return copy_rows(reading, writing, source, into)
    finally:
        for engine in engines:
            engine.dispose()


def copy_rows(reading: Connection, writing: Connection, source: Table, into: Insert) -> int:
    """Copy a table's rows, of the columns that both sides have; how many."""
    columns = [column for column in source.columns if column.name in into.table.columns]
    rows = reading.execution_options(yield_per=AT_ONCE).execute(select(*columns).order_by(*source.primary_key))
    copied = 0
    for part in rows.mappings().partitions(AT_ONCE):
        writing.execute(into, [dict(row) for row in part])
        copied += len(part)
    return copied


def _holds_queue(url: str) -> bool:
    engine = make_engine(url)
    try:
        return engine.dialect.name == "sqlite" and inspect(engine).has_table(QUEUE_TABLE)
    finally:
        engine.dispose()


def _queue_table(engine: Engine) -> Table:
    schema = None if engine.dialect.name == "sqlite" else QUEUE_SCHEMA
    return Table(QUEUE_TABLE, MetaData(), schema=schema, autoload_with=engine)
