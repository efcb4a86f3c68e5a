"""Sessions and queues: who is asked for what next, and how far that is."""

import pytest

from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import PatchGrades
from tests.label_bench import act


def test_work_resumes_at_the_first_patch_without_a_label(label_bench, view, items):
    for number in (0, 1, 3):
        label_bench.labels.acts.put(act(label_bench, view, items[number], number))
    assert label_bench.labels.sessions.progress(view.id).resume_at == 2


def test_time_left_is_told_at_the_readers_own_pace(label_bench, view, items):
    for number in range(5):
        assert label_bench.labels.sessions.progress(view.id).minutes_left is None
        label_bench.labels.acts.put(act(label_bench, view, items[number], number, took_ms=6000))
    progress = label_bench.labels.sessions.progress(view.id)
    assert (progress.pace_s, progress.minutes_left) == (6.0, 0.5)


def test_a_second_session_does_not_ask_again_for_what_the_reader_gave(label_bench, view, items):
    for number, item in enumerate(items):
        label_bench.labels.acts.put(act(label_bench, view, item, number))
    again = label_bench.session(per_slide=30, name="Second")
    assert again.patches == 60 - len(items)
    assert not {item.patch_id for item in items} & {
        item.patch_id for item in label_bench.labels.sessions.queue(again.id, 0, 99)
    }


def test_what_its_reader_gives_elsewhere_meanwhile_is_not_asked_for_again_until_it_is_undone(label_bench, view, items):
    bench, sessions = label_bench, label_bench.labels.sessions
    other = bench.session(per_slide=30, name="Second")
    bench.labels.acts.put(act(bench, other, items[0], 1))
    bench.labels.acts.put_many(bench.project, bench.readers[0], [PatchGrades(items[1].patch_id, Grades(steatosis=2))])
    bench.labels.acts.put_many(bench.project, bench.readers[1], [PatchGrades(items[2].patch_id, Grades(steatosis=2))])
    assert (sessions.progress(view.id).resume_at, sessions.get(view.id).labelled) == (2, 2)
    own = [item.own and item.own.grades["steatosis"] for item in sessions.queue(view.id)[:3]]
    assert own == [3, 2, None]
    bench.labels.acts.undo(other.id, bench.readers[0], "press-00000002")
    assert (sessions.progress(view.id).resume_at, sessions.get(view.id).labelled) == (0, 1)
    assert sessions.queue(view.id)[0].own is None


def test_a_patch_pointed_at_and_a_second_read_are_asked_for_whatever_was_given_elsewhere(label_bench, view, items):
    bench, sessions = label_bench, label_bench.labels.sessions
    new = next(patch for patch in bench.patches[bench.slides[0]] if patch not in {item.patch_id for item in items})
    sessions.add_to_queue(view.id, [new])
    bench.labels.acts.put_many(bench.project, bench.readers[1], [PatchGrades(new, Grades(steatosis=1))])
    review = bench.labels.reviews.create(bench.project, bench.readers[0], "second", share=1.0)
    bench.labels.acts.put_many(bench.project, bench.readers[0], [PatchGrades(new, Grades(steatosis=2))])
    assert sessions.queue(view.id)[0].patch_id == new and sessions.progress(view.id).resume_at == 0
    assert (sessions.get(review.id).patches, sessions.get(review.id).labelled) == (1, 0)
    assert all(item.own is None for item in (sessions.queue(view.id)[0], *sessions.queue(review.id)))


def test_another_reader_is_asked_blind_for_the_same_patches(label_bench, view, items):
    for number, item in enumerate(items):
        label_bench.labels.acts.put(act(label_bench, view, item, number))
    other = label_bench.session(reader=1, per_slide=30)
    queue = label_bench.labels.sessions.queue(other.id, 0, 99)
    assert len(queue) == 60 and all(item.own is None and item.votes == () for item in queue)


def test_a_region_is_asked_for_next(label_bench, view, items):
    bench = label_bench
    bench.labels.acts.put(act(bench, view, items[0]))
    queued = {item.patch_id for item in items}
    new = [patch for patch in bench.patches[bench.slides[0]] if patch not in queued][:3]
    assert bench.labels.sessions.add_to_queue(view.id, [*new, items[4].patch_id]) == 3
    after = [item.patch_id for item in bench.labels.sessions.queue(view.id)]
    assert after == [items[0].patch_id, *new, *(item.patch_id for item in items[1:])]


def test_a_region_without_a_session_makes_one(label_bench):
    patches = label_bench.patches[label_bench.slides[1]][:4]
    assert label_bench.labels.sessions.queue_region(label_bench.project, label_bench.readers[2], patches) == 4
    assert label_bench.labels.sessions.open(label_bench.project, label_bench.readers[2]).patches == 4


def test_patches_of_elsewhere_cannot_be_queued(label_bench, view):
    with pytest.raises(LabError, match="do not belong"):
        label_bench.labels.sessions.add_to_queue(view.id, [10_000])
