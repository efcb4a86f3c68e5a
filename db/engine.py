"""Opening the lab's database: SQLite in a file by default, PostgreSQL by changing the URL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, event, inspect, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from mmdnet.errors import LabError
from mmdnet.troubles import trouble_of

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
BUSY_MS = 15_000  # how long a writer waits for another on SQLite
CONNECT_S = 10  # how long a PostgreSQL server may take to answer, where its URL says nothing else
SQLITE = ("sqlite", "sqlite+pysqlite")
HOW_TO_SAY = (
    "In MMDNET_DATABASE_URL and MMDNET_JOBS_URL write postgresql://USER@HOST/NAME or sqlite:////FOLDER/FILE, or leave "
    "them out: then the lab keeps files of its own in its home. Nothing was changed."
)


def as_url(url: str) -> URL:
    """The URL with the driver we ship for PostgreSQL.

    Raises:
        LabError: it is no URL, or one of a database the lab cannot work on. It may hold a secret: it is not told.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise LabError(f"The address of the lab's or the queue's database is no URL. {HOW_TO_SAY}") from None
    if parsed.drivername.startswith("postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in SQLITE:
        raise LabError(f"The lab works on PostgreSQL and SQLite, not on {parsed.drivername}. {HOW_TO_SAY}")
    if parsed.database in (None, "", ":memory:") or parsed.query:
        raise LabError(f"An address of SQLite names a file, and takes no parameters. {HOW_TO_SAY}")
    return parsed


def make_engine(url: str) -> Engine:
    """An engine whose SQLite connections write ahead, enforce foreign keys and wait for a busy writer.

    SQLite transactions that write begin IMMEDIATE through `write_session`; readers are never blocked (WAL).
    """
    parsed = as_url(url)
    if parsed.get_backend_name() != "sqlite":
        wait = {} if "connect_timeout" in parsed.query else {"connect_timeout": CONNECT_S}
        return create_engine(parsed, pool_pre_ping=True, connect_args=wait)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_MS / 1000})

    @event.listens_for(engine, "connect")
    def _pragmas(connection, _record) -> None:  # type: ignore[no-untyped-def]
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # a label is on the disk before the next patch shows
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")

    return engine


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Sessions whose objects stay readable after commit."""
    return sessionmaker(engine, expire_on_commit=False)


def _config(url: str) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = as_url(url)
    return config


def migrate(url: str) -> None:
    """Bring the database to the newest revision, making it if it is not there.

    Raises:
        LabError: it cannot be reached or written, or is newer than this program.
    """
    parsed = as_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        try:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LabError(f"The lab's folder cannot be made: {error.strerror}. Choose another with --home.") from error
    try:
        present = revision(url)
        if present is not None and present not in known_revisions():
            raise LabError(
                "This database was made by a newer version of the program. Update the program; nothing was changed."
            )
        if present != newest_revision():  # Alembic is slow to import, and a page opens a database that is up to date
            from alembic import command

            command.upgrade(_config(url), "head")
    except DatabaseError as error:
        raise LabError(
            trouble_of(error)
            or f"The lab's database cannot be opened or written: {str(error.orig).strip()}. "
            "Check the address and the rights, or choose another folder with --home."
        ) from error


def revision(url: str) -> str | None:
    """The revision the database is at; None when it is empty."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    finally:
        engine.dispose()


def damage_of(url: str, thorough: bool = True) -> str:
    """What SQLite finds wrong in a database, in its own words; "" where all is well, or on PostgreSQL.

    Args:
        thorough: compare every index with its table, too; without it about as fast as the file can be read.
    """
    parsed = as_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or not Path(parsed.database).exists():
        return ""
    address = f"{Path(parsed.database).resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            said = connection.execute(f"PRAGMA {'integrity_check' if thorough else 'quick_check'}(1)").fetchone()[0]
            return "" if said == "ok" else " ".join(str(said).split())
    except sqlite3.OperationalError as error:  # busy, or no rights: another thing than damage
        return str(error) if "malformed" in str(error) else ""
    except sqlite3.DatabaseError as error:
        return str(error)


def newest_revision() -> str:
    """The revision this program wants."""
    return max(known_revisions())


def known_revisions() -> set[str]:
    """Every revision this program can bring up to date, by the names of their files: `v<revision>_<what>.py`."""
    files = (MIGRATIONS / "versions").glob("v*.py")
    return {path.stem.partition("_")[0].removeprefix("v") for path in files}
