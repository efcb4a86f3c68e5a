"""What a reader has given: sessions in numbers, the first look, and the list that finds and changes a label."""

import numpy as np
import pytest

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.labels import Labels
from mmdnet.workflows.labelling.own import FIRST_PATCHES
from mmdnet.workflows.labelling.views import LabelRefused, PatchGrades
from mmdnet.workflows.scoring.predictions import Predictions
from tests.label_bench import act, make_label_bench
from tests.nas import by_task, row


@pytest.fixture
def bench(tmp_path):
    return make_label_bench(tmp_path, slides=3, patches=12)


@pytest.fixture
def own(bench):
    return bench.labels.own


def label_some(bench, view, count, **changes):
    items = bench.labels.sessions.queue(view.id)[:count]
    for number, item in enumerate(items):
        bench.labels.acts.put(act(bench, view, item, number, took_ms=1000 * (number + 1), **changes))
    return items


def test_a_session_ends_in_numbers(bench, own):
    view = bench.session()
    items = label_some(bench, view, 4)
    ada = bench.readers[0]
    bench.labels.acts.put(act(bench, view, items[0], 10, act="ignore", ignored=True, grades={}, took_ms=500))
    bench.labels.acts.put(act(bench, view, items[1], 11, grades={"steatosis": 2}, flagged=True, took_ms=2500))
    numbers = own.summary(view.id)
    assert (numbers.patches, numbers.ignored, numbers.flagged) == (4, 1, 1)
    assert numbers.grades == by_task({"ballooning": {1: 2}, "inflammation": {0: 2}, "steatosis": {2: 1, 3: 2}}, {})
    assert numbers.unknown_share == by_task({"ballooning": 1 / 3, "inflammation": 1 / 3, "steatosis": 0.0}, 1.0)
    assert numbers.unknown == pytest.approx(np.mean(row(1 / 3, 1 / 3, 0.0, other=1.0)))
    assert (numbers.minutes, numbers.pace_s) == (pytest.approx(10 / 60), 2.75)
    bench.labels.acts.undo(view.id, ada)
    assert own.summary(view.id).flagged == 0


def test_an_empty_session_has_no_shares_and_no_pace(bench, own):
    numbers = own.summary(bench.session().id)
    assert (numbers.patches, numbers.unknown, numbers.pace_s, numbers.minutes) == (0, None, None, None)


def test_the_first_look_comes_with_the_second_slide_and_goes_with_the_answer(bench, own):
    view, ada = bench.session(per_slide=6), bench.readers[0]
    assert own.first_look(bench.project, ada) is None
    label_some(bench, view, FIRST_PATCHES - 1)
    assert own.first_look(bench.project, ada) is None
    items = bench.labels.sessions.queue(view.id)
    bench.labels.acts.put(act(bench, view, items[FIRST_PATCHES - 1], 50, grades={"steatosis": 1}, took_ms=9000))
    look = own.first_look(bench.project, ada)
    assert look.slides >= 2 and look.numbers.patches == FIRST_PATCHES
    assert look.numbers.unknown_share["ballooning"] == pytest.approx(1 / FIRST_PATCHES)
    assert own.first_look(bench.project, bench.readers[1]) is None
    with pytest.raises(LabelRefused):
        own.answer(view.id, bench.readers[1], True)
    own.answer(view.id, ada, False)
    assert own.first_look(bench.project, ada) is None
    assert bench.labels.sessions.get(view.id).plan.judgeable is False


def test_many_at_once_is_no_first_look(bench, own):
    ada = bench.readers[0]
    patches = [patch for slide in bench.slides for patch in bench.patches[slide]]
    bench.labels.acts.put_many(bench.project, ada, [PatchGrades(patch, Grades(steatosis=1)) for patch in patches])
    assert own.first_look(bench.project, ada) is None


def test_every_own_label_is_listed_newest_first_and_filtered(bench, own):
    view, ada = bench.session(), bench.readers[0]
    every = by_task({"ballooning": 1, "inflammation": 0, "steatosis": 3}, 0)
    items = label_some(bench, view, 3, grades=every)
    bench.labels.acts.put(act(bench, view, items[0], 20, act="flag", flagged=True, grades=every))
    alone = next(patch for patch in bench.patches[bench.slides[0]] if patch not in {i.patch_id for i in items})
    bench.labels.acts.put_many(bench.project, ada, [PatchGrades(alone, Grades(steatosis=0))])
    listed = own.labels(bench.project, ada)
    assert [label.patch_id for label in listed.labels] == [alone, *(items[n].patch_id for n in (0, 2, 1))]
    assert [label.position for label in listed.labels] == [None, *(items[n].position for n in (0, 2, 1))]
    assert (listed.of, listed.read_again) == (4, 0)

    def patches(*given, **choice):
        return [label.patch_id for label in own.labels(bench.project, ada, *given, **choice).labels]

    assert patches("flagged") == [items[0].patch_id] and patches("ignored") == []
    assert patches("unknown") == patches("unknown", "ballooning") == [alone] and patches("unknown", "steatosis") == []
    assert patches(task="steatosis", grade=0) == [alone]
    assert patches(most=2) == [alone, items[0].patch_id]
    assert own.labels(bench.project, bench.readers[1]).labels == ()
    with pytest.raises(LabelRefused, match="can be listed as"):
        own.labels(bench.project, ada, "everything")


def test_a_label_is_changed_in_its_session_or_as_an_act_of_its_own(bench, own):
    view, ada = bench.session(), bench.readers[0]
    (item,) = label_some(bench, view, 1)
    own.change(bench.project, ada, item.patch_id, Grades(steatosis=1), flagged=True)
    (shown,) = (i for i in bench.labels.sessions.queue(view.id) if i.patch_id == item.patch_id)
    assert (shown.own.grades["steatosis"], shown.own.flagged) == (1, True)
    own.change(bench.project, ada, item.patch_id, Grades(), ignored=True)
    assert own.labels(bench.project, ada, "ignored").of == 1
    events = bench.labels.record.verify().events
    own.change(bench.project, ada, item.patch_id, Grades(), ignored=True)
    assert bench.labels.record.verify().events == events, "the same again is no act"
    alone = next(patch for patch in bench.patches[bench.slides[0]] if patch != item.patch_id)
    with pytest.raises(LabelRefused, match="no label of this patch"):
        own.change(bench.project, ada, alone, Grades(steatosis=1))
    bench.labels.acts.put_many(bench.project, ada, [PatchGrades(alone, Grades(steatosis=0))])
    own.change(bench.project, ada, alone, Grades(steatosis=3))
    assert own.labels(bench.project, ada, task="steatosis", grade=3).labels[0].patch_id == alone
    assert bench.labels.record.verify().intact


def test_what_waits_to_be_read_again_is_neither_listed_nor_changed(bench, own):
    view, ada = bench.session(), bench.readers[0]
    items = label_some(bench, view, 15)
    again = bench.labels.reviews.create(bench.project, ada, "repeat", share=0.2, washout_days=0)
    waiting = {item.patch_id for item in bench.labels.sessions.queue(again.id)}
    listed = own.labels(bench.project, ada)
    assert waiting and not waiting & {label.patch_id for label in listed.labels}
    assert (listed.of, listed.read_again) == (len(items) - len(waiting), len(waiting))
    with pytest.raises(LabelRefused, match="no label of this patch"):
        own.change(bench.project, ada, waiting.pop(), Grades(steatosis=0))


def test_a_changed_label_is_told_to_what_learns_and_the_same_again_is_not(bench):
    told = []
    own = Labels(bench.services, Predictions(bench.services), told.append).own
    (item,) = label_some(bench, bench.session(), 1)
    own.change(bench.project, bench.readers[0], item.patch_id, Grades(steatosis=1))
    own.change(bench.project, bench.readers[0], item.patch_id, Grades(steatosis=1))
    assert told == [bench.project]
