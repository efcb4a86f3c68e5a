"""The label log and its plans on PostgreSQL; skipped where PostgreSQL is not installed."""

from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from db import event_log
from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import PatchGrades
from tests.label_bench import LabelBench, make_label_bench, sure
from tests.postgres import postgres

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelBench]:
    with postgres() as url:
        made = make_label_bench(tmp_path_factory.mktemp("home"), patches=40, url=url)
        for slide in made.slides:
            made.scored(slide, {"steatosis": sure(np.arange(40) % 4, "steatosis", 0.6)})
        yield made
        made.db.kw["bind"].dispose()


@pytest.mark.parametrize("plan", ["random", "stratified", "uncertain", "margin", "rare"])
def test_every_plan_makes_its_queue(bench: LabelBench, plan: str) -> None:
    assert bench.session(reader=2, per_slide=None, total=20, plan=plan, name=plan).patches == 20


def test_many_labels_are_one_act_that_is_undone_as_one(bench: LabelBench) -> None:
    view = bench.session(reader=0, per_slide=30)
    patches = bench.patches[bench.slides[0]][:20]
    labels = [PatchGrades(patch, Grades(steatosis=2)) for patch in patches]
    bench.labels.acts.put_many(bench.project, bench.readers[0], labels, session_id=view.id)
    assert len(bench.labels.current(bench.project, bench.readers[0])) == 20
    assert sorted(bench.labels.acts.undo(view.id, bench.readers[0])) == patches
    assert bench.labels.current(bench.project, bench.readers[0]) == []


def test_what_readers_differ_on_is_asked(bench: LabelBench) -> None:
    patches = bench.patches[bench.slides[1]][:8]
    for reader, grade in ((0, 0), (1, 3)):
        bench.labels.acts.put_many(
            bench.project, bench.readers[reader], [PatchGrades(patch, Grades(steatosis=grade)) for patch in patches]
        )
    view = bench.session(reader=2, per_slide=40, plan="disagreement", audit_share=0.0)
    assert {item.patch_id for item in bench.labels.sessions.queue(view.id)} == set(patches)


def test_the_chain_holds_and_an_altered_event_is_named(bench: LabelBench) -> None:
    with bench.db() as session:
        assert event_log.verify(session).intact
    with pytest.raises(DatabaseError, match="append-only"), bench.db.begin() as session:
        session.execute(text("UPDATE label_events SET steatosis = 1"))
    with bench.db.begin() as session:
        middle = session.scalar(text("SELECT id FROM label_events ORDER BY id OFFSET 5 LIMIT 1"))
        session.execute(text("ALTER TABLE label_events DISABLE TRIGGER USER"))
        session.execute(text("UPDATE label_events SET took_ms = 77 WHERE id = :id"), {"id": middle})
        session.execute(text("ALTER TABLE label_events ENABLE TRIGGER USER"))
    assert bench.labels.record.verify().broken_id == middle
    assert bench.labels.record.verify().events == 5
