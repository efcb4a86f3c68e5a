"""Databases into a backup and out of it: SQLite by its online backup, PostgreSQL by `pg_dump` and `pg_restore`."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import bindparam, inspect, text
from sqlalchemy.engine import URL

from db.engine import as_url, make_engine
from mmdnet.errors import LabError
from mmdnet.settings import Settings

LAB, JOBS, DUMP = "lab.sqlite", "jobs.sqlite", "lab.dump"
WITH_PATHS = (("slides", "path"), ("models", "folder"))  # columns that hold paths into the home


def is_sqlite(url: str) -> bool:
    return as_url(url).get_backend_name() == "sqlite"


def copy_out(settings: Settings, folder: Path) -> None:
    """Write the databases into a folder, each as it stood at one moment, while others go on writing.

    The queue first: a job that ends in between is then done twice, which changes nothing, instead of not at all.

    Raises:
        LabError: a database cannot be read, or `pg_dump` is missing or failed.
    """
    folder.mkdir(parents=True)
    if not is_sqlite(settings.lab_url):
        _dump(settings.lab_url, folder / DUMP)
        return
    if is_sqlite(settings.queue_url) and Path(as_url(settings.queue_url).database or "").exists():
        _online_backup(settings.queue_url, folder / JOBS)
    _online_backup(settings.lab_url, folder / LAB)


def copy_in(folder: Path, settings: Settings) -> None:
    """Put the backup's databases in the place the settings name, which must be empty.

    Raises:
        LabError: there is a database already, or the backup is of the other kind.
    """
    dumped = (folder / DUMP).exists()
    if dumped == is_sqlite(settings.lab_url):
        kind = "PostgreSQL: name an empty database in MMDNET_DATABASE_URL" if dumped else "SQLite: leave out a URL"
        raise LabError(f"This backup is of a lab on {kind}. Nothing was changed.")
    if dumped:
        if _tables(settings.lab_url):
            raise LabError("The database in MMDNET_DATABASE_URL is not empty. Name an empty one. Nothing was changed.")
        _run("pg_restore", settings.lab_url, "--no-owner", "--exit-on-error", str(folder / DUMP))
        return
    for name, url in ((LAB, settings.lab_url), (JOBS, settings.queue_url)):
        if is_sqlite(url) and (folder / name).exists():
            target = Path(as_url(url).database or "")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, target)
            target.chmod(0o600)


@contextmanager
def trial_settings(folder: Path, home: Path, settings: Settings) -> Iterator[Settings]:
    """Settings of a lab in a temporary home, for restoring on trial; on PostgreSQL with a database of its own.

    Raises:
        LabError: this user may not make a database on the server.
    """
    if not (folder / DUMP).exists():
        yield settings.model_copy(update={"home": home, "database_url": "", "jobs_url": ""})
        return
    url, name = as_url(settings.lab_url), f"mmdnet_trial_{secrets.token_hex(6)}"
    engine = make_engine(settings.lab_url)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            try:
                connection.execute(text(f"CREATE DATABASE {name}"))
            except Exception as error:
                raise LabError("this user may not make a database on the PostgreSQL server") from error
            try:
                trial = url.set(database=name).render_as_string(hide_password=False)
                yield settings.model_copy(update={"home": home, "database_url": trial, "jobs_url": ""})
            finally:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


def rows_of(url: str) -> dict[str, int]:
    """How many rows each table of the lab's database holds."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            names = sorted(inspect(connection).get_table_names())
            count = "SELECT count(*) FROM {}"
            return {name: connection.execute(text(count.format(name))).scalar_one() for name in names}
    finally:
        engine.dispose()


def move_paths(url: str, before: Path, after: Path) -> None:
    """Let paths that led into the home's old place lead into its new one."""
    engine = make_engine(url)
    old, new = f"{before}{os.sep}", f"{after}{os.sep}"
    try:
        with engine.begin() as connection:
            for table, column in WITH_PATHS:
                moved = f"UPDATE {table} SET {column} = :new || substr({column}, :rest)"
                moved += f" WHERE substr({column}, 1, :n) = :old"
                statement = text(moved).bindparams(bindparam("new", new), bindparam("old", old))
                connection.execute(statement, {"rest": len(old) + 1, "n": len(old)})
    finally:
        engine.dispose()


def _online_backup(url: str, target: Path) -> None:
    source = Path(as_url(url).database or "")
    if not source.is_file():
        raise LabError(f"There is no lab in {source.parent} yet, so there is nothing to back up.")
    try:
        address = f"{source.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=60)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)  # all pages in one step: one moment of the database, and no writer waits (WAL)
            copy.execute("PRAGMA journal_mode=DELETE")  # a single file, whole without a -wal beside it
    except sqlite3.DatabaseError as error:
        raise LabError(f"{source.name} cannot be read ({error}). Ask 'mmdnet doctor'. Nothing was changed.") from error


def _dump(url: str, target: Path) -> None:
    _run("pg_dump", url, "--format=custom", "--file", str(target))


def _run(program: str, url: str, *arguments: str) -> None:
    """A program of PostgreSQL on a database; the password goes by the environment, not by the process list."""
    executable = shutil.which(program)
    if executable is None:
        raise LabError(f"{program} is not installed here (Debian: postgresql-client). Nothing was changed.")
    address = as_url(url)
    environment = {**os.environ, **({"PGPASSWORD": str(address.password)} if address.password else {})}
    done = subprocess.run(
        [executable, "--dbname", _without_password(address), *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LabError(f"{program} failed: {said}. Check that it is not older than the server.")


def _without_password(url: URL) -> str:
    return url.set(drivername="postgresql", password=None).render_as_string()


def _tables(url: str) -> bool:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return bool(inspect(connection).get_table_names())
    finally:
        engine.dispose()
