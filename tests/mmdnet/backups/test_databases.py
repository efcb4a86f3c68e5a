"""Databases go out whole while others write, on SQLite and on PostgreSQL."""

import sqlite3

import pytest

from db.engine import make_engine, migrate
from mmdnet.backups.backup import make_backup, restore_backup
from mmdnet.backups.databases import rows_of
from mmdnet.errors import LabError
from mmdnet.settings import Settings
from tests.postgres import postgres, program


def test_what_was_written_last_is_not_in_a_copy_of_the_file_but_in_the_backup(label_bench, out):
    """Why README and guide warn of copying the file: the newest pages lie beside it until SQLite puts them in."""
    import shutil

    settings = label_bench.services.settings
    with make_engine(settings.lab_url).connect() as connection:  # a lab that runs: its files stay open
        connection.exec_driver_sql("INSERT INTO readers (name, created_at) VALUES ('Late', '2026-01-01 00:00:00')")
        connection.commit()
        copy = shutil.copyfile(settings.home / "lab.sqlite", out / "copy.sqlite")
        place, _ = make_backup(settings, out / "kept")

    def names(file):
        with sqlite3.connect(file) as reading:
            try:
                return {name for (name,) in reading.execute("SELECT name FROM readers")}
            except sqlite3.OperationalError:
                return set()  # not even the table

    assert "Late" not in names(copy) and "Late" in names(place / "databases" / "lab.sqlite")


def test_a_lab_on_postgresql_is_backed_up_verified_and_restored(tmp_path):
    program("pg_dump")
    with postgres() as url:
        settings = Settings(home=tmp_path / "home", database_url=url)
        settings.home.mkdir()
        migrate(url)
        engine = make_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO readers (name, created_at) VALUES ('Ada', now())")
        place, manifest = make_backup(settings, tmp_path / "kept")
        assert manifest.verified and manifest.rows["readers"] == 1 and manifest.doubt == ""
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("CREATE DATABASE elsewhere")
            left = connection.exec_driver_sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'mmdnet%%'").scalar()
        engine.dispose()  # the server waits for its guests to leave
        assert left == 0
        other = url.rsplit("/", 1)[0] + "/elsewhere"
        with pytest.raises(LabError, match="not empty"):
            restore_backup(place, Settings(home=tmp_path / "new", database_url=url))
        with pytest.raises(LabError, match="PostgreSQL"):
            restore_backup(place, Settings(home=tmp_path / "new"))
        restore_backup(place, Settings(home=tmp_path / "new", database_url=other))
        assert rows_of(other)["readers"] == 1
