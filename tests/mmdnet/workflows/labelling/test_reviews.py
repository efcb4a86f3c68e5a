"""Reading again: second and repeat reads, and disagreements to settle."""

import pytest

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.workflows.labelling.views import LabelChoice
from tests.label_bench import act, grade_all, settle


def test_second_reads_are_patches_of_others_and_blind(label_bench):
    bench = label_bench
    grade_all(bench, 0, [1] * 30)
    view = bench.labels.reviews.create(bench.project, bench.readers[1], "second")
    items = bench.labels.sessions.queue(view.id)
    assert (view.kind, len(items)) == ("second", 3) and all(item.own is None for item in items)


def test_a_repeat_read_starts_without_the_first_label_and_undo_keeps_it(label_bench):
    bench = label_bench
    grade_all(bench, 0, [1] * 10)
    view = bench.labels.reviews.create(bench.project, bench.readers[0], "repeat", share=0.2, washout_days=0)
    item = bench.labels.sessions.queue(view.id)[0]
    assert item.own is None and view.labelled == 0
    bench.labels.acts.put(act(bench, view, item, grades={"steatosis": 3}))
    assert bench.labels.acts.undo(view.id, bench.readers[0]) == [item.patch_id]
    assert bench.labels.sessions.progress(view.id).labelled == 0
    assert {label.grades["steatosis"] for label in bench.labels.current(bench.project)} == {1}


def test_repeat_reads_wait_for_the_washout(label_bench):
    grade_all(label_bench, 0, [1] * 10)
    with pytest.raises(LabError, match="nothing to read"):
        label_bench.labels.reviews.create(label_bench.project, label_bench.readers[0], "repeat")


def test_disagreements_are_what_is_adjudicated_and_then_they_are_settled(label_bench):
    bench = label_bench
    grade_all(bench, 0, [1, 1, 2, 0])
    grade_all(bench, 1, [1, 3, 2, 1])
    view = bench.labels.reviews.create(bench.project, bench.readers[2], "adjudication")
    items = bench.labels.sessions.queue(view.id)
    patches = bench.patches[bench.slides[0]]
    assert {item.patch_id for item in items} == {patches[1], patches[3]}
    bench.labels.acts.put(act(bench, view, items[0], grades={"steatosis": 2}, reader_id=bench.readers[2]))
    rows = {
        row.patch_id: row.grades["steatosis"]
        for row in bench.labels.consensus.label_set(bench.project, LabelChoice("adjudicated")).rows
    }
    assert rows == {patches[0]: 1, patches[2]: 2, items[0].patch_id: 2}


def test_only_who_settles_a_disagreement_sees_what_was_given_and_never_by_whom(label_bench):
    bench = label_bench
    grade_all(bench, 0, [1, 3])
    grade_all(bench, 1, [1, 0])
    settling = bench.labels.reviews.create(bench.project, bench.readers[2], "adjudication")
    (item,) = bench.labels.sessions.queue(settling.id)
    assert sorted(vote["steatosis"] for vote in item.votes) == [0, 3]
    assert all(set(vote) == set(TASK_NAMES) for vote in item.votes)
    second = bench.labels.reviews.create(bench.project, bench.readers[2], "second", share=1)
    assert all(item.votes == () for item in bench.labels.sessions.queue(second.id))


def test_settled_disagreements_are_not_asked_for_again_until_somebody_reads_anew(label_bench):
    grade_all(label_bench, 0, [0, 1])
    grade_all(label_bench, 1, [0, 2])
    settle(label_bench, 2, 2)
    with pytest.raises(LabError, match="nothing to read"):
        label_bench.labels.reviews.create(label_bench.project, label_bench.readers[2], "adjudication")
    grade_all(label_bench, 0, [1, 0])
    assert label_bench.labels.reviews.create(label_bench.project, label_bench.readers[2], "adjudication").patches == 2


def test_what_waits_for_ones_own_blind_label_is_not_shown_for_settling(label_bench):
    bench = label_bench
    grade_all(bench, 0, [0, 1])
    grade_all(bench, 1, [3, 3])
    patches = bench.patches[bench.slides[0]]
    bench.labels.sessions.queue_region(bench.project, bench.readers[2], patches[:1])
    settling = bench.labels.reviews.create(bench.project, bench.readers[2], "adjudication")
    assert [item.patch_id for item in bench.labels.sessions.queue(settling.id)] == [patches[1]]
    second = bench.labels.reviews.create(bench.project, bench.readers[2], "second", share=1)
    assert [item.patch_id for item in bench.labels.sessions.queue(second.id)] == [patches[0]]


def test_reviews_say_what_waits_and_which_is_open(label_bench):
    grade_all(label_bench, 0, [0, 1, 2, 3])
    grade_all(label_bench, 1, [0, 1, 2, 0])

    def reviews(reader, *washout_days):
        of_reader = label_bench.labels.reviews.of_reader(
            label_bench.project, label_bench.readers[reader], *washout_days
        )
        return {review.kind: review for review in of_reader}

    waiting = {kind: review.waiting for kind, review in reviews(2).items()}
    assert waiting == {"second": 4, "repeat": 0, "adjudication": 1}
    made = label_bench.labels.reviews.create(label_bench.project, label_bench.readers[2], "second", share=0.5)
    assert (reviews(2)["second"].open_session, reviews(2)["second"].left) == (made.id, 2)
    assert reviews(0, 0)["repeat"].waiting == 4
