"""The event log: appended in order, chained, never changed."""

import hashlib
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from db import event_log
from db import labels as rows
from db.engine import make_engine
from db.event_log import NewEvent
from mmdnet.labels.grading import Grades
from tests.label_bench import make_label_bench


def event(bench, number, patch=None, **state):
    patch = patch or bench.patches[bench.slides[0]][number % 30]
    return NewEvent(f"test-key-{number:06d}", None, bench.readers[0], patch, "grade", Grades(ballooning=1), **state)


def append(bench, count, start=0):
    with event_log.appending(bench.db) as session:
        event_log.append(session, [event(bench, number, shown={"n": number}) for number in range(start, start + count)])


def tamper(bench, statement):
    """Change the log behind the database's back, as someone with the file could."""
    engine = make_engine(bench.url)
    with engine.begin() as connection:
        for act in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER label_events_no_{act}"))
        connection.execute(text(statement))
    engine.dispose()


def test_the_database_refuses_to_change_or_delete_anevent(label_bench):
    append(label_bench, 3)
    for statement in ("UPDATE label_events SET ballooning = 0", "DELETE FROM label_events"):
        with pytest.raises(DatabaseError, match="append-only"), label_bench.db.begin() as session:
            session.execute(text(statement))


def test_an_untouched_log_verifies_to_its_length_and_last_hash(label_bench):
    append(label_bench, 40)
    with label_bench.db() as session:
        verdict = event_log.verify(session)
        assert (verdict.intact, verdict.events, verdict.last_hash) == (True, 40, rows.last_hash(session))


@pytest.mark.parametrize(
    "change",
    [
        "ballooning = 2",
        "ballooning = NULL",
        "ignored = 1",
        "flagged = 1",
        "reader_id = reader_id + 1",
        "patch_id = patch_id + 1",
        "took_ms = 5",
        "shown = '{\"n\": 99}'",
        "at = '2020-01-01 00:00:00.000000'",
        "act = 'ignore'",
        "key = 'another-key'",
    ],
)
def test_any_altered_field_is_found_at_its_row(label_bench, change):
    append(label_bench, 9)
    tamper(label_bench, f"UPDATE label_events SET {change} WHERE id = 5")
    with label_bench.db() as session:
        assert event_log.verify(session).broken_id == 5


def test_a_row_taken_out_is_found_at_the_next_one(label_bench):
    append(label_bench, 9)
    tamper(label_bench, "DELETE FROM label_events WHERE id = 4")
    with label_bench.db() as session:
        verdict = event_log.verify(session)
    assert verdict.broken_id == 5 and "taken out" in verdict.reason


def test_threads_that_append_at_once_make_one_unbroken_chain(tmp_path):
    bench = make_label_bench(tmp_path)
    failures = []

    def work(worker: int) -> None:
        try:
            for number in range(15):
                append(bench, 1, start=worker * 1000 + number)
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with bench.db() as session:
        assert event_log.verify(session) == event_log.Verdict(90, rows.last_hash(session))


def test_a_failure_inside_appending_leaves_noevent(label_bench):
    with pytest.raises(RuntimeError), event_log.appending(label_bench.db) as session:
        event_log.append(session, [event(label_bench, 1)])
        raise RuntimeError
    with label_bench.db() as session:
        assert event_log.verify(session).events == 0


def test_the_chain_and_the_label_set_are_what_earlier_builds_made(label_bench):
    """Hashes and file of commit 20b346b, for the same acts at the same moment."""
    bench, patches = label_bench, label_bench.patches[label_bench.slides[0]]
    acts = [
        NewEvent(
            "press-00000001",
            None,
            1,
            patches[0],
            "grade",
            Grades(ballooning=1, inflammation=0, steatosis=3),
            took_ms=2000,
        ),
        NewEvent("press-00000002", None, 2, patches[0], "grade", Grades(steatosis=2), flagged=True),
        NewEvent("press-00000003", None, 1, patches[1], "ignore", ignored=True),
        NewEvent("press-00000004", None, 2, patches[2], "grade", Grades(ballooning=2, inflammation=1)),
    ]
    acts[0] = replace(acts[0], shown={"view": "one"})
    with event_log.appending(bench.db) as session:
        event_log.append(session, acts, datetime(2026, 11, 27, 12, 0, 0, 123456, tzinfo=UTC))
    with bench.db() as session:
        verdict = event_log.verify(session)
    assert (verdict.events, verdict.last_hash[:16]) == (4, "ba816d37de2f2355")
    label_set = bench.labels.consensus.label_set(bench.project)
    assert label_set.sha256 == "a455e807121dede1e4ef20adf6fba2ed59200eb67ff012f59d96b8b4342ecfa8"
    # lines ended in one letter then, with which Python's writer leaves a lone \r unquoted (RFC 4180 wants two)
    file = hashlib.sha256(bench.labels.files.export(bench.project).data.replace(b"\r\n", b"\n")).hexdigest()
    assert file == "eb267d93293d1338d5a8eb70c31ee482f0e654eff0a69af513631c0927da7b24"


def test_a_later_task_is_hashed_behind_the_others_and_only_where_it_was_graded(monkeypatch):
    given = NewEvent("press-00000001", None, 1, 2, "grade", Grades(ballooning=1, steatosis=3))
    before = event_log.plain_fields(given)
    monkeypatch.setattr(event_log, "HASHED", ("ballooning", "inflammation"))  # as if steatosis had come later
    assert before == ["press-00000001", None, 1, 2, "grade", 1, None, 3, 0, 0, None]
    assert event_log.plain_fields(given) == ["press-00000001", None, 1, 2, "grade", 1, None, 0, 0, None, "steatosis=3"]
    none = replace(given, grades=Grades(ballooning=1))
    assert event_log.plain_fields(none) == ["press-00000001", None, 1, 2, "grade", 1, None, 0, 0, None]


def test_a_chain_with_a_later_task_verifies(label_bench, monkeypatch):
    monkeypatch.setattr(event_log, "HASHED", ("ballooning", "inflammation"))
    append(label_bench, 2)
    with event_log.appending(label_bench.db) as session:
        event_log.append(session, [replace(event(label_bench, 7), grades=Grades(steatosis=2), took_ms=5)])
    with label_bench.db() as session:
        assert event_log.verify(session).events == 3 and event_log.verify(session).broken_id is None
    tamper(label_bench, "UPDATE label_events SET steatosis = 3 WHERE id = 3")
    with label_bench.db() as session:
        assert event_log.verify(session).broken_id == 3
