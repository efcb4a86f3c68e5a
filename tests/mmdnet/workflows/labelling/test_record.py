"""The record: how long it is, whether anything changed, and what a broken one says."""

from sqlalchemy import text

from db.engine import make_engine
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
