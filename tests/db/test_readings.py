"""Which readings are blind, which settle a disagreement, and whose a reader may see."""

from db import readings
from mmdnet.labels.grading import Grades
from tests.label_bench import grade_all, settle


def grades(of_patches):
    return [(reading.reader_id, reading.grades) for reading in of_patches]


def test_what_settles_is_newest_but_not_blind(label_bench):
    bench = label_bench
    ada, ben, cleo = bench.readers
    patch = bench.patches[bench.slides[0]][0]
    grade_all(bench, 0, [1])
    grade_all(bench, 1, [3])
    settle(bench, 0, 2)
    with bench.db() as session:
        assert grades(readings.blind(session, bench.project)) == [
            (ada, Grades(steatosis=1)),
            (ben, Grades(steatosis=3)),
        ]
        assert grades(readings.settled(session, bench.project)) == [(ada, Grades(steatosis=2))]
        assert grades(readings.newest(session, bench.project)) == [
            (ben, Grades(steatosis=3)),
            (ada, Grades(steatosis=2)),
        ]
        assert readings.may_see(session, bench.project, ben) == {patch}
        assert readings.may_see(session, bench.project, cleo) == set()


def test_a_repeat_read_stands_beside_the_reading_before_it_and_hides_it_until_it_is_done(label_bench):
    bench = label_bench
    grade_all(bench, 0, [1])
    patch = bench.patches[bench.slides[0]][0]
    view = bench.labels.reviews.create(bench.project, bench.readers[0], "repeat", share=1, washout_days=0)
    with bench.db() as session:
        assert readings.may_see(session, bench.project, bench.readers[0]) == set()
        assert readings.repeats(session, bench.project) == []
    from mmdnet.workflows.labelling.views import LabelAct

    bench.labels.acts.put(LabelAct("press-again", view.id, bench.readers[0], patch, grades={"steatosis": 2}))
    with bench.db() as session:
        ((before, again),) = readings.repeats(session, bench.project)
        assert (before.grades["steatosis"], again.grades["steatosis"], again.session_id) == (1, 2, view.id)
        assert readings.may_see(session, bench.project, bench.readers[0]) == {patch}
