"""A database that is away is waited for; anything else is not."""

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from mmdnet.jobs.outages import through_outages


def away() -> Exception:
    locked = sqlite3.OperationalError("database is locked")
    locked.sqlite_errorname = "SQLITE_BUSY"
    return OperationalError("SELECT 1", {}, locked)


def test_what_an_outage_kept_from_being_done_is_done_when_it_is_over():
    problems = [away(), away()]

    def work() -> str:
        if problems:
            raise problems.pop()
        return "done"

    assert through_outages(work, ask_every_s=0.0) == "done"


def test_a_fault_of_the_program_is_no_outage():
    with pytest.raises(ZeroDivisionError):
        through_outages(lambda: 1 / 0, ask_every_s=0.0)
