from datetime import UTC, datetime

from sqlalchemy import text

from db.models import Project, Reader, now


def test_moments_come_back_in_utc_whatever_the_database_keeps(sessions):
    before = now()
    with sessions.begin() as session:
        session.add(Project(name="Study"))
        session.flush()
        session.execute(
            text("INSERT INTO projects (name, simulated, created_at) VALUES ('Old', 0, '2026-01-02 03:04:05')")
        )
    with sessions() as session:
        new, old = session.query(Project).order_by(Project.id)
        assert before <= new.created_at <= now() and new.created_at.tzinfo == UTC
        assert old.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_json_column_keeps_what_it_was_given(sessions):
    with sessions.begin() as session:
        session.add(Reader(name="Ada", keys={"undo": "z"}))
    with sessions() as session:
        assert session.query(Reader).one().keys == {"undo": "z"}
