"""The mark that readiness is kept by: it stands while nothing changes, and every kind of change is seen."""

from sqlalchemy import update

from db import event_log, slide_readings
from db.models import Patch, PatientAnswer, Reader, Slide
from mmdnet.workflows.training.standing import standing
from tests.label_bench import grade_all


def test_every_change_of_what_a_training_learns_from_changes_the_mark(label_bench):
    bench = label_bench

    def wrote(statement):
        with bench.db.begin() as session:
            session.execute(statement)

    def read():
        with event_log.appending(bench.db) as session:
            slide_readings.put(session, bench.slides[0], bench.readers[0], "grade", {"steatosis": 1})

    def answer():
        with bench.db.begin() as session:
            session.add(PatientAnswer(project_id=bench.project, patient="p1", one_person=True))

    slide = bench.slides[0]
    one_patch = update(Patch).where(Patch.id == bench.patches[slide][0])
    changes = {
        "a label": lambda: grade_all(bench, 0, [1], slide=0),
        "a reading of a whole slide": read,
        "the rule": lambda: bench.labels.consensus.set_rule(bench.project, "majority"),
        "whose patient id it is": answer,
        "a fact": lambda: wrote(update(Slide).where(Slide.id == slide).values(patient="P9")),
        "a patch set aside": lambda: wrote(one_patch.values(set_aside="blur")),
        "two names of one reader": lambda: wrote(update(Reader).where(Reader.id == bench.readers[1]).values(same_as=1)),
    }
    with bench.db() as session:
        before = standing(session, bench.project)
        assert standing(session, bench.project) == before
    for what, change in changes.items():
        change()
        with bench.db() as session:
            now = standing(session, bench.project)
        assert now != before, what
        before = now
