"""The record: how long it is, whether anything changed, and what a broken one says."""

from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from db.engine import make_engine
from mmdnet.errors import LabError
from tests.label_bench import grade_all


def test_its_state_changes_with_every_act_and_its_length_counts_them(label_bench):
    record = label_bench.labels.record
    states = [record.state()]
    for grade in (1, 2):
        grade_all(label_bench, 0, [grade])
        states.append(record.state())
    assert len(set(states)) == 3 and record.length() == 2
    assert (record.verify().events, record.verify().last_hash, record.verify().intact) == (2, states[-1], True)


def test_an_altered_act_is_named_by_reader_slide_and_place(label_bench):
    grade_all(label_bench, 1, [1, 2, 3])
    engine = make_engine(label_bench.url)
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER label_events_no_update"))
        connection.execute(text("UPDATE label_events SET steatosis = 0 WHERE id = 2"))
    engine.dispose()
    verdict = label_bench.labels.record.verify()
    assert (verdict.intact, verdict.broken_id, verdict.events) == (False, 2, 1)
    assert "content was changed" in verdict.reason
    assert verdict.broken_act.startswith("bulk by Ben on slide 0 at 299, 0, 20")


def test_a_damaged_database_is_no_proof_of_anything(label_bench):
    grade_all(label_bench, 1, [1, 2, 3])
    engine = make_engine(label_bench.url)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        page = connection.execute(
            text("SELECT rootpage FROM sqlite_master WHERE name = 'ix_label_events_patch'")
        ).scalar()
        size = connection.execute(text("PRAGMA page_size")).scalar()
    engine.dispose()
    label_bench.db.kw["bind"].dispose()
    with Path(make_url(label_bench.url).database).open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    for verify in (label_bench.labels.record.verify, label_bench.labels.record.verify_readings):
        with pytest.raises(LabError, match=r"(?s)damaged.*proves nothing.*doctor"):
            verify()
