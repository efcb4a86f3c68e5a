"""The database is migrated at start, keeps history, and says what is wrong with it."""

import sqlite3
import subprocess
import sys

import pytest
from sqlalchemy import event, inspect, text
from sqlalchemy.exc import DatabaseError

from db.engine import (
    CONNECT_S,
    MIGRATIONS,
    as_url,
    damage_of,
    known_revisions,
    make_engine,
    migrate,
    newest_revision,
    revision,
)
from db.models import Base
from mmdnet.errors import LabError
from mmdnet.jobs.queue import JobQueue


@pytest.fixture
def url(tmp_path) -> str:
    url = f"sqlite:///{tmp_path / 'lab.sqlite'}"
    migrate(url)
    return url


def test_the_migrations_make_exactly_the_tables_of_the_models(url):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    with make_engine(url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrating_twice_changes_nothing(url):
    migrate(url)
    assert revision(url) == newest_revision()


def test_revisions_are_those_alembic_knows():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert {script.revision for script in scripts.walk_revisions()} == known_revisions()
    assert scripts.get_current_head() == newest_revision()


def test_a_database_that_is_up_to_date_is_opened_without_alembic(url):
    code = f"import sys; from db.engine import migrate; migrate({url!r}); print('alembic' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"


def test_labelled_and_signed_history_cannot_be_changed(url):
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO readers (id, name, created_at) VALUES (1, 'Ada', '2026-01-01')"))
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
    names = {
        table: {column["name"] for column in inspect(engine).get_columns(table)}
        for table in ("label_events", "sign_offs")
    }
    assert "hash" in names["label_events"] and "report_sha256" in names["sign_offs"]
    with make_engine(url).connect() as connection:
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        connection.execute(
            text(
                "INSERT INTO label_events (key, reader_id, patch_id, act, ignored, flagged, shown, at, previous_hash, hash) "
                "VALUES ('k', 1, 1, 'grade', 0, 0, '{}', '2026-01-01', '', '')"
            )
        )
        for attempt in ("UPDATE label_events SET steatosis = 3", "DELETE FROM label_events"):
            with pytest.raises(DatabaseError, match="append-only"):
                connection.execute(text(attempt))


def test_a_database_of_a_newer_program_is_left_alone(url):
    with make_engine(url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LabError, match="newer version"):
        migrate(url)
    assert revision(url) == "9999"


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "lab.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(LabError, match="no database"):
        migrate(f"sqlite:///{tmp_path / 'lab.sqlite'}")
    assert (tmp_path / "lab.sqlite").read_bytes().startswith(b"this is no database")


def test_processes_that_start_together_migrate_an_empty_database_once(tmp_path):
    import subprocess
    import sys

    url = f"sqlite:///{tmp_path / 'new' / 'lab.sqlite'}"
    code = f"from db.engine import migrate; migrate({url!r})"
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(process.wait(), process.stderr.read()) for process in started] == [(0, "")] * 3
    assert revision(url) == newest_revision()


def test_spoilt_pages_are_named_and_a_whole_database_has_no_damage(tmp_path):
    file = tmp_path / "lab.sqlite"
    url = f"sqlite:///{file}"
    assert damage_of(url) == ""
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.executemany("INSERT INTO t VALUES (?)", [("y" * 500,)] * 500)
        connection.execute("CREATE INDEX i ON t (x)")
    connection.close()
    assert damage_of(url) == "" and damage_of(url, thorough=False) == ""
    content = bytearray(file.read_bytes())
    content[3 * 4096 : 5 * 4096] = b"\xff" * 8192
    file.write_bytes(content)
    assert damage_of(url) and damage_of(url, thorough=False)
    file.write_bytes(b"no database" * 500)
    assert "not a database" in damage_of(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("foo://bar", "not on foo"),
        ("mysql://u:secret@h/x", "not on mysql"),
        ("sqlite+foo:///x", "not on sqlite.foo"),
        ("foo", "is no URL"),
        (" ", "is no URL"),
        ("postgresql://h:port/x", "is no URL"),
        ("sqlite://", "names a file"),
        ("sqlite:///:memory:", "names a file"),
        ("sqlite:////tmp/n?timeout=abc", "takes no parameters"),
    ],
)
def test_an_address_of_no_database_of_ours_is_refused_and_not_told(url, says):
    for ask in (as_url, make_engine, migrate, lambda url: JobQueue(url).prepare()):
        with pytest.raises(LabError, match=says) as refusal:
            ask(url)
        assert "secret" not in str(refusal.value) and "MMDNET_JOBS_URL" in str(refusal.value)


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever():
    assert make_engine("postgres://u@h/x").url.drivername == "postgresql+psycopg"
    for url, seconds in (("postgresql://u@h/x", CONNECT_S), ("postgresql://u@h/x?connect_timeout=3", "3")):
        engine, waits = make_engine(url), []

        def hear(dialect, record, args, named, waits=waits):
            waits.append(named["connect_timeout"])
            raise ConnectionError

        event.listen(engine, "do_connect", hear)
        with pytest.raises(ConnectionError):
            engine.connect()
        assert waits == [seconds]
