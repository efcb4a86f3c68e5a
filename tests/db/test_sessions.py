"""Queues: what waits where, and for whom."""

from db import sessions as queues
from db.models import Patch, Slide
from tests.label_bench import act


def test_a_queue_is_read_in_its_order_and_grows_at_a_place(label_bench):
    bench = label_bench
    view = bench.session(per_slide=2, audit_share=0.0)
    with bench.db.begin() as session:
        order = [item.patch.id for item in queues.items(session, view.id, 0, 10)]
        new = next(patch for patch in bench.patches[bench.slides[0]] if patch not in order)
        queues.append_items(session, view.id, [(new, "region")], at=1)
        items = queues.items(session, view.id, 0, 10)
        assert [item.patch.id for item in items] == [order[0], new, *order[1:]]
        assert [item.position for item in items] == list(range(5))
        assert [item.stream for item in items][:2] == ["plan", "region"]
        assert queues.queued_patches(session, view.id) == {*order, new}
        assert queues.queued_for(session, bench.project, bench.readers[1]) == set()


def test_the_first_open_place_moves_on_with_every_label(label_bench):
    bench = label_bench
    view = bench.session(per_slide=1)
    for n, item in enumerate(bench.labels.sessions.queue(view.id)):
        with bench.db() as session:
            assert queues.first_open(session, view.id, bench.readers[0]) == n
            assert queues.progress(session, view.id, bench.readers[0]) == (2, n)
        bench.labels.acts.put(act(bench, view, item, n))
    with bench.db() as session:
        assert queues.first_open(session, view.id, bench.readers[0]) is None
        assert [(total, done) for *_, total, done in queues.progress_by_slide(session, view.id, bench.readers[0])] == [
            (1, 1),
            (1, 1),
        ]


def test_patches_set_aside_and_slides_not_ready_are_not_asked_for(label_bench):
    bench = label_bench
    aside = bench.patches[bench.slides[0]][0]
    with bench.db.begin() as session:
        session.get_one(Patch, aside).set_aside = "blur"
        session.get_one(Slide, bench.slides[1]).status = "failed"
        usable = {patch for patch, *_ in queues.usable_patches(session, bench.project, bench.slides)}
        placed = set(queues.places_of_patches(session, bench.project)["patch_id"].tolist())
    assert usable == placed == set(bench.patches[bench.slides[0]]) - {aside}


def test_a_patch_is_of_its_project_only(label_bench):
    bench = label_bench
    patch = bench.patches[bench.slides[0]][0]
    with bench.db() as session:
        assert queues.project_of_patch(session, patch) == bench.project
        assert queues.project_of_patch(session, 10**6) is None
        assert queues.patches_in_project(session, bench.project, [patch, 10**6]) == {patch}
        assert queues.patches_in_project(session, bench.project + 1, [patch]) == set()
