"""What is wrong with the machine or the database, said in a sentence: a full disk, a database that is away or damaged.

These are no faults of the program. Nothing is lost by them: what was not written stays where it was, and the same is
asked again when the trouble is over.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator

FULL = "The lab's disk is full, so nothing more can be saved. Free some space there; the lab goes on by itself."
READ_ONLY = "The lab's folder or database cannot be written. Check rights and disk; the lab goes on by itself."
BUSY = "The lab's database is busy with other work and did not answer in time. Try again in a moment."
AWAY = "The lab's database cannot be reached. Check that it runs, and the network; the lab goes on by itself."
DAMAGED = (
    "The lab's database is damaged, or is no database. End the lab and run 'mmdnet doctor', which says what is wrong "
    "and where the last backup is."
)
_ERRNO = {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EROFS: READ_ONLY}
_SQLITE = {
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_PERM": READ_ONLY,
    "SQLITE_CANTOPEN": AWAY,
    "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY,
    "SQLITE_CORRUPT": DAMAGED,
    "SQLITE_NOTADB": DAMAGED,
}
IO_ERROR = "The lab's disk does not answer as it should (input or output error). Check it; the lab goes on by itself."
_POSTGRES = {"53100": FULL, "25006": READ_ONLY, "53300": BUSY, "55P03": BUSY, "XX001": DAMAGED, "XX002": DAMAGED}


def trouble_of(error: BaseException) -> str | None:
    """The sentence for an error that the machine or the database brought about; None for any other."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in _ERRNO:
            return _ERRNO[cause.errno]
        if isinstance(cause, sqlite3.Error):
            name = getattr(cause, "sqlite_errorname", None) or ""
            if name.startswith("SQLITE_IOERR"):
                return IO_ERROR
            if known := next((_SQLITE[start] for start in _SQLITE if name.startswith(start)), None):
                return known
        if type(cause).__module__.startswith("psycopg"):
            sentence = _postgres(cause)
            if sentence is not None:
                return sentence
        if type(cause).__module__.startswith("sqlalchemy") and getattr(cause, "connection_invalidated", False):
            return AWAY
    return None


def _postgres(error: BaseException) -> str | None:
    import psycopg

    state = str(getattr(error, "sqlstate", None) or "")
    if state in _POSTGRES:
        return _POSTGRES[state]
    lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return AWAY if lost and (not state or state[:2] in ("08", "57")) else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what SQLAlchemy wraps in it, and what brought it about."""
    waiting, seen = [error], set()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [
            earlier
            for earlier in (getattr(cause, "orig", None), cause.__cause__, cause.__context__)
            if isinstance(earlier, BaseException)
        ]
