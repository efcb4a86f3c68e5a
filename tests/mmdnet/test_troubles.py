"""What the machine or the database brings about is told in a sentence; a fault of the program stays one."""

import errno
import sqlite3

import pytest
from sqlalchemy import text

from db.engine import make_engine
from mmdnet.errors import LabError
from mmdnet.troubles import AWAY, BUSY, DAMAGED, FULL, READ_ONLY, trouble_of


def raised(work) -> BaseException:
    with pytest.raises(Exception) as caught:
        work()
    return caught.value


def test_a_full_disk_is_told_as_one_whoever_met_it(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path / 'lab.sqlite'}")

    def fill():
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE t (x)"))
            connection.execute(text("PRAGMA max_page_count=4"))  # SQLite's own error for want of space
            for _ in range(100):
                connection.execute(text("INSERT INTO t VALUES (zeroblob(5000))"))

    assert trouble_of(raised(fill)) == FULL
    assert trouble_of(OSError(errno.ENOSPC, "x")) == FULL
    wrapped = RuntimeError("while saving")
    wrapped.__cause__ = OSError(errno.EDQUOT, "x")
    assert trouble_of(wrapped) == FULL
    assert trouble_of(OSError(errno.EROFS, "x")) == READ_ONLY


def test_a_busy_a_damaged_and_a_missing_database_are_told_apart(tmp_path):
    file = tmp_path / "lab.sqlite"
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("CREATE TABLE t (x)")
    holder.execute("BEGIN EXCLUSIVE")
    assert trouble_of(raised(lambda: sqlite3.connect(file, timeout=0).execute("INSERT INTO t VALUES (1)"))) == BUSY
    holder.close()
    file.write_bytes(b"no database at all" * 100)
    assert trouble_of(raised(lambda: make_engine(f"sqlite:///{file}").connect())) == DAMAGED
    assert trouble_of(raised(lambda: make_engine(f"sqlite:///{tmp_path / 'no' / 'x'}").connect())) == AWAY
    assert trouble_of(raised(lambda: make_engine("postgresql://lab@127.0.0.1:1/lab").connect())) == AWAY


def test_a_fault_of_the_program_is_none_of_these():
    broken = sqlite3.connect(":memory:")
    assert trouble_of(raised(lambda: broken.execute("SELECT nothing FROM nowhere"))) is None
    assert trouble_of(KeyError("x")) is None
    assert trouble_of(LabError("x")) is None
    assert trouble_of(OSError(errno.ENOENT, "x")) is None
