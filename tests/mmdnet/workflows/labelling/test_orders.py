"""The order of an open session taken anew: what stays, what comes, and that no key is refused for it."""

import numpy as np
import pytest

from db import sessions as queues
from mmdnet.labels.queue import KEPT_PLACES
from mmdnet.workflows.labelling.orders import Orders
from tests.label_bench import act, make_label_bench, sure


@pytest.fixture
def bench(tmp_path):
    return make_label_bench(tmp_path, slides=2, patches=60)


def places(bench, view):
    with bench.db() as session:
        return [(item.position, item.stream, item.patch.id) for item in queues.items(session, view.id, 0, 500)]


def torn_on(bench, last):
    """A model that is torn on the last patches of each slide."""
    for slide in bench.slides:
        table = sure(np.zeros(60, int), "steatosis")
        table[-last:] = [0.45, 0.45, 0.05, 0.05]
        bench.scored(slide, {"steatosis": table})
    return {patch for slide in bench.slides for patch in bench.patches[slide][-last:]}


@pytest.mark.parametrize("size", [{"per_slide": 20}, {"per_slide": None, "total": 40}])
def test_open_places_get_what_a_model_is_torn_on_and_all_else_stays(bench, size):
    view = bench.session(plan="uncertain", **size)
    before = places(bench, view)
    item = bench.labels.sessions.queue(view.id)[0]
    bench.labels.acts.put(act(bench, view, item))
    torn = torn_on(bench, 20)
    assert bench.labels.orders.follow(bench.project, 7) == [view.id]
    after = places(bench, view)
    kept = 1 + KEPT_PLACES
    assert after[:kept] == before[:kept]
    assert [row for row in after if row[1] == "audit"] == [row for row in before if row[1] == "audit"]
    new = [patch for position, stream, patch in after if position >= kept and stream == "plan"]
    assert set(new) <= torn and len(after) == 40 and len({patch for *_, patch in after}) == 40
    assert bench.labels.sessions.get(view.id).plan.light == 7


def test_a_key_pressed_on_a_patch_that_was_set_back_is_taken_and_it_can_be_asked_for_again(bench):
    view = bench.session(plan="uncertain", per_slide=20)
    shown = bench.labels.sessions.queue(view.id)
    torn_on(bench, 20)
    bench.labels.orders.follow(bench.project, 1)
    gone = [item for item in shown if item.patch_id not in {patch for *_, patch in places(bench, view)}]
    bench.labels.acts.put(act(bench, view, gone[0]))
    assert bench.labels.sessions.progress(view.id).patches == 40
    assert bench.labels.sessions.add_to_queue(view.id, [gone[1].patch_id]) == 1
    assert places(bench, view)[0][1:] == ("region", gone[1].patch_id)
    bench.labels.orders.follow(bench.project, 2)
    assert len(places(bench, view)) == 41


def test_sessions_at_random_reviews_and_finished_ones_stay_as_they_are(bench):
    view = bench.session(per_slide=20)
    torn_on(bench, 20)
    before = places(bench, view)
    assert isinstance(bench.labels.orders, Orders) and bench.labels.orders.follow(bench.project, 1) == []
    assert places(bench, view) == before
