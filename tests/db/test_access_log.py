"""The log of access: chained, never changed."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from db import access_log, event_log
from db.engine import make_engine


def fill(bench, count=5):
    with event_log.appending(bench.db) as session:
        for number in range(count):
            access_log.append(session, "view", None, 1, {"slide_id": number})


def test_the_database_refuses_to_change_or_delete_an_event(label_bench):
    fill(label_bench)
    for statement in ("UPDATE access_events SET act = 'x'", "DELETE FROM access_events"):
        with pytest.raises(DatabaseError, match="append-only"), label_bench.db.begin() as session:
            session.execute(text(statement))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE access_events SET said = '{}' WHERE id = 3", "its content was changed"),
        ("UPDATE access_events SET act = 'sign in' WHERE id = 3", "its content was changed"),
        ("DELETE FROM access_events WHERE id = 2", "taken out or put in"),
    ],
)
def test_what_was_changed_behind_its_back_is_named(label_bench, change, reason):
    fill(label_bench)
    with label_bench.db() as session:
        assert (access_log.verify(session).intact, access_log.verify(session).events) == (True, 5)
    engine = make_engine(label_bench.url)
    with engine.begin() as connection:
        for act in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER access_events_no_{act}"))
        connection.execute(text(change))
    with label_bench.db() as session:
        verdict = access_log.verify(session)
    assert verdict.broken_id == 3 and reason in verdict.reason


def test_the_newest_come_first(label_bench):
    fill(label_bench)
    with label_bench.db() as session:
        assert [event.said["slide_id"] for event, _ in access_log.newest(session, 2)] == [4, 3]
