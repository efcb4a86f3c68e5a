"""Many patches at once: what is offered, what is refused, and that one act is taken back as one."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import labels as rows
from db.models import Patch
from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.bulk import IGNORED, MOST, NONE, shelf_layout
from mmdnet.workflows.labelling.views import LabelAct, LabelRefused, PatchGrades
from tests.nas import as_given


@pytest.fixture
def bulk(label_bench):
    return label_bench.labels.bulk


@pytest.fixture
def session(label_bench, bulk):
    return bulk.session(label_bench.project, label_bench.readers[0])


def standing(bench, reader=0):
    labels = bench.labels.current(bench.project, bench.readers[reader])
    return {label.patch_id: (*label.grades.as_tuple, label.ignored) for label in labels}


def test_a_reader_without_a_session_gets_one_and_later_the_same(label_bench, bulk):
    project, (ada, ben, _) = label_bench.project, label_bench.readers
    made = bulk.session(project, ada)
    assert bulk.session(project, ada) == made != bulk.session(project, ben)
    assert bulk.session(project, ada, wanted=bulk.session(project, ben)) == made, "never another reader's"


def test_bulk_acts_never_go_into_a_review(label_bench, bulk):
    ada, ben = label_bench.readers[:2]
    label_bench.labels.acts.put_many(
        label_bench.project, ben, [PatchGrades(label_bench.patches[label_bench.slides[0]][0], Grades(ballooning=1))]
    )
    review = label_bench.labels.reviews.create(label_bench.project, ada, "second", share=1.0)
    assert bulk.session(label_bench.project, ada, wanted=review.id) != review.id
    with pytest.raises(LabelRefused, match="one by one"):
        bulk.patches(review.id, ada)


def test_what_is_in_a_queue_of_the_reader_is_neither_offered_nor_taken(label_bench, bulk):
    ada, ben = label_bench.readers[:2]
    view = label_bench.session(per_slide=10)
    queued = {item.patch_id for item in label_bench.labels.sessions.queue(view.id)}
    offered = bulk.patches(view.id, ada)
    assert not set(offered.patch_id.tolist()) & queued and offered.queued == len(queued) == 20
    with pytest.raises(LabelRefused, match="1 of these patches are in your queue"):
        bulk.give(view.id, ada, [int(offered.patch_id[0]), min(queued)], {"steatosis": 1})
    assert label_bench.labels.record.verify().events == 0
    assert len(bulk.patches(bulk.session(label_bench.project, ben), ben).patch_id) == 60, (
        "another's queue hides nothing"
    )


def test_a_patch_set_aside_or_measured_anew_since_the_last_look_shows(label_bench, bulk, session):
    ada, (first, second, *_) = label_bench.readers[0], label_bench.patches[label_bench.slides[0]]
    before = bulk.patches(session, ada)
    with label_bench.db.begin() as changing:
        changing.get_one(Patch, first).set_aside = "blur"
        changing.get_one(Patch, second).fat_area_share = None
    after = bulk.patches(session, ada)
    assert set(before.patch_id.tolist()) - set(after.patch_id.tolist()) == {first}
    assert np.isnan(after.fat[after.patch_id == second]).all() and not np.isnan(after.fat).all()


def test_nobody_sees_anothers_grades(label_bench, bulk, session):
    ben = label_bench.readers[1]
    mine = bulk.session(label_bench.project, ben)
    bulk.give(mine, ben, label_bench.patches[label_bench.slides[0]], {"steatosis": 2})
    assert (bulk.patches(session, label_bench.readers[0]).grades == NONE).all()
    with pytest.raises(LabelRefused, match="another reader"):
        bulk.patches(mine, label_bench.readers[0])


def test_a_grade_for_many_keeps_what_else_the_reader_gave_and_the_flag(label_bench, bulk, session):
    ada, patches = label_bench.readers[0], label_bench.patches[label_bench.slides[0]]
    label_bench.labels.acts.put_many(
        label_bench.project,
        ada,
        [
            PatchGrades(patches[0], Grades(ballooning=1, inflammation=2, steatosis=3), flagged=True),
            PatchGrades(patches[1], ignored=True),
        ],
    )
    bulk.give(session, ada, patches[:3], {"steatosis": 0})
    fat_alone = as_given(None, None, 0)
    assert standing(label_bench) == {
        patches[0]: (*as_given(1, 2, 0), False), patches[1]: (*fat_alone, False), patches[2]: (*fat_alone, False),
    }  # fmt: skip
    assert next(
        label for label in label_bench.labels.current(label_bench.project, ada) if label.patch_id == patches[0]
    ).flagged
    bulk.give(session, ada, patches[:3], {}, ignored=True)
    assert (bulk.patches(session, ada).grades[:3] == IGNORED).all()


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_undo_brings_back_exactly_what_was_before(tmp_path_factory, data):
    from tests.label_bench import make_label_bench

    bench = make_label_bench(tmp_path_factory.mktemp("bulk"), patches=12)
    bulk, ada = bench.labels.bulk, bench.readers[0]
    session = bulk.session(bench.project, ada)
    patches = [patch for own in bench.patches.values() for patch in own]
    states = [standing(bench)]
    for _ in range(data.draw(st.integers(1, 4))):
        some = data.draw(st.lists(st.sampled_from(patches), min_size=1, unique=True))
        ignored = data.draw(st.booleans())
        grades = (
            {}
            if ignored
            else {"steatosis": data.draw(st.integers(0, 3)), "ballooning": data.draw(st.none() | st.integers(0, 2))}
        )
        assert bulk.give(session, ada, some, grades, ignored) == len(some)
        states.append(standing(bench))
    while len(states) > 1:
        assert standing(bench) == states.pop()
        last = bulk.patches(session, ada).last
        assert len(bench.labels.acts.undo(session, ada, undoes=last.key)) == last.patches
    assert standing(bench) == {}
    assert bulk.patches(session, ada).last is None
    assert bench.labels.record.verify().intact


def test_one_act_is_one_group_in_the_log_and_says_what_was_shown(label_bench, bulk, session):
    ada, patches = label_bench.readers[0], label_bench.patches[label_bench.slides[0]]
    bulk.give(session, ada, patches, {"ballooning": 0}, key="many-0001", shown={"pictures": 30})
    with label_bench.db() as db:
        events = rows.with_keys(db, [f"many-0001:{n}" for n in range(30)])
    assert len(events) == 30
    for event in events:
        assert event.act == "bulk" and event.session_id == session
        assert event.shown == {"view": "many", "pictures": 30, "batch": "many-0001", "of": 30}


def test_the_same_act_sent_twice_is_one(label_bench, bulk, session):
    ada, patches = label_bench.readers[0], label_bench.patches[label_bench.slides[0]]
    for _ in range(2):
        assert bulk.give(session, ada, patches[:5], {"steatosis": 1}, key="many-0001") == 5
    assert label_bench.labels.record.verify().events == 5


def test_an_act_after_a_label_at_the_canvas_is_not_undone_by_mistake(label_bench, bulk):
    ada = label_bench.readers[0]
    view = label_bench.session(per_slide=3)
    free = bulk.patches(view.id, ada).patch_id[:4].tolist()
    bulk.give(view.id, ada, free, {"steatosis": 1}, key="many-0001")
    item = label_bench.labels.sessions.queue(view.id)[0]
    label_bench.labels.acts.put(LabelAct("press-0001", view.id, ada, item.patch_id, grades={"steatosis": 3}))
    assert bulk.patches(view.id, ada).last is None
    with pytest.raises(LabelRefused, match="no longer your last"):
        label_bench.labels.acts.undo(view.id, ada, undoes="many-0001")


@pytest.mark.parametrize(
    ("patches", "grades", "ignored", "words"),
    [
        ([], {"steatosis": 1}, False, "From 1 to"),
        ([1] * (MOST + 1), {"steatosis": 1}, False, "From 1 to"),
        ([1], {}, False, "No grade was chosen"),
        ([1], {"steatosis": None}, False, "No grade was chosen"),
        ([1], {"steatosis": 4}, False, "grades 0 to 3"),
        ([1], {"steatosis": True}, False, "grades 0 to 3"),
        ([1], {"colour": 1}, False, "no task called"),
        ([1], {"steatosis": 1}, True, "has no grades"),
        ([1, 1], {"steatosis": 1}, False, "comes twice"),
        ([10**9], {"steatosis": 1}, False, "do not belong"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_changed(
    label_bench, bulk, session, patches, grades, ignored, words
):
    with pytest.raises(LabelRefused, match=words):
        bulk.give(session, label_bench.readers[0], patches, grades, ignored)
    assert label_bench.labels.record.verify().events == 0


def test_slides_lie_beside_each_other_and_never_over_each_other(label_bench, bulk, session):
    offered = bulk.patches(session, label_bench.readers[0])
    assert offered.slides_xy.min() >= 0 and offered.slides_xy.max() <= 1
    for n, box in enumerate(offered.slides):
        own = offered.slides_xy[offered.slide == n]
        assert (own >= [box.x, box.y]).all() and (own <= [box.x + box.width + 1e-6, box.y + box.height + 1e-6]).all()
        left, top, wide, high = box.crop  # of the whole slide, at the scale of the box
        assert min(left, top) >= 0 and min(wide, high) > 0 and max(left + wide, top + high) <= 1.001


@given(st.lists(st.tuples(st.floats(1, 50), st.floats(1, 50)), min_size=1, max_size=30), st.floats(0, 5))
def test_rectangles_on_shelves_do_not_overlap(sizes, gap):
    size = np.array(sizes)
    corner, side = shelf_layout(size, gap)
    assert (corner + size <= side + 1e-6).all()
    for a in range(len(size)):
        for b in range(a):
            apart = (corner[a] >= corner[b] + size[b] - 1e-6) | (corner[b] >= corner[a] + size[a] - 1e-6)
            assert apart.any()
