"""One act: what is taken, what is refused, and how it is taken back."""

import pytest

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import LabelRefused, PatchGrades
from tests.label_bench import act


def test_a_label_stands_where_it_was_put(label_bench, view, items):
    saved = label_bench.labels.acts.put(act(label_bench, view, items[2]))
    assert not saved.already
    (label,) = label_bench.labels.current(label_bench.project)
    assert (label.patch_id, label.slide_id) == (items[2].patch_id, items[2].slide_id)
    assert label.grades == Grades(ballooning=1, inflammation=0, steatosis=3)


def test_the_same_act_sent_twice_is_one_event(label_bench, view, items):
    label_bench.labels.acts.put(act(label_bench, view, items[0]))
    assert label_bench.labels.acts.put(act(label_bench, view, items[0])).already
    assert label_bench.labels.record.verify().events == 1


def test_one_key_for_two_labels_is_refused(label_bench, view, items):
    label_bench.labels.acts.put(act(label_bench, view, items[0]))
    with pytest.raises(LabelRefused, match="key"):
        label_bench.labels.acts.put(act(label_bench, view, items[0], grades={"steatosis": 1}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patch_id": 999_999}, "not in your queue"),
        ({"session_id": 999}, "no label session"),
        ({"grades": {"colour": 1}}, "no task"),
        ({"grades": {"ballooning": 3}}, "0 to 2"),
        ({"grades": {"steatosis": -1}}, "0 to 3"),
        ({"grades": {"steatosis": "2"}}, "0 to 3"),
        ({"grades": {"steatosis": True}}, "0 to 3"),
        ({"grades": {"steatosis": 1.0}}, "0 to 3"),
        ({"act": "sign"}, "no labelling act"),
        ({"act": "ignore"}, "no grades"),
        ({"ignored": True}, "no grades"),
        ({"act": "ignore", "grades": {}}, "either graded or ignored"),
        ({"key": "short"}, "key"),
        ({"key": "no spaces or | here"}, "key"),
        ({"based_on": "press-earlier"}, "another label"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(label_bench, view, items, changes, words):
    with pytest.raises(LabelRefused, match=words):
        label_bench.labels.acts.put(act(label_bench, view, items[0], **changes))
    assert label_bench.labels.record.verify().events == 0


def test_nobody_labels_in_anothers_session(label_bench, view, items):
    with pytest.raises(LabelRefused, match="another reader"):
        label_bench.labels.acts.put(act(label_bench, view, items[0], reader_id=label_bench.readers[1]))


def test_a_late_act_is_refused(label_bench, view, items):
    label_bench.labels.acts.put(act(label_bench, view, items[0], 1, based_on=None))
    label_bench.labels.acts.put(act(label_bench, view, items[0], 2, based_on="press-00000001", grades={"steatosis": 0}))
    with pytest.raises(LabelRefused, match="late"):
        label_bench.labels.acts.put(act(label_bench, view, items[0], 3, based_on="press-00000001"))
    (label,) = label_bench.labels.current(label_bench.project)
    assert label.grades["steatosis"] == 0


def test_undo_walks_back_act_by_act(label_bench, view, items):
    labels = label_bench.labels
    labels.acts.put(act(label_bench, view, items[0], 1))
    labels.acts.put(act(label_bench, view, items[0], 2, grades={"steatosis": 0}))
    labels.acts.put(act(label_bench, view, items[1], 3))
    reader = label_bench.readers[0]
    assert labels.acts.undo(view.id, reader) == [items[1].patch_id]
    assert labels.acts.undo(view.id, reader) == [items[0].patch_id]
    assert [label.grades["steatosis"] for label in labels.current(label_bench.project)] == [3]
    assert labels.acts.undo(view.id, reader) == [items[0].patch_id]
    assert labels.current(label_bench.project) == []
    assert labels.acts.undo(view.id, reader) == []


def test_an_undo_sent_twice_takes_one_label_back(label_bench, view, items):
    labels = label_bench.labels
    for number in (1, 2):
        labels.acts.put(act(label_bench, view, items[number], number))
    for _ in range(2):
        assert labels.acts.undo(view.id, label_bench.readers[0], key="undo-00000001") == [items[2].patch_id]
    assert len(labels.current(label_bench.project)) == 1


def test_an_undo_of_what_is_not_the_last_act_is_refused(label_bench, view, items):
    for number in (1, 2):
        label_bench.labels.acts.put(act(label_bench, view, items[number], number))
    with pytest.raises(LabelRefused, match="no longer your last"):
        label_bench.labels.acts.undo(view.id, label_bench.readers[0], undoes="press-00000001")


def test_many_labels_are_one_act_to_undo(label_bench, view):
    bench = label_bench
    patches = bench.patches[bench.slides[0]]
    labels = [PatchGrades(patch, Grades(steatosis=2)) for patch in patches]
    assert bench.labels.acts.put_many(bench.project, bench.readers[0], labels, session_id=view.id) == 30
    assert bench.labels.counts(bench.project).grades["steatosis"] == {2: 30}
    assert sorted(bench.labels.acts.undo(view.id, bench.readers[0])) == patches
    assert bench.labels.counts(bench.project).patches == 0
    assert bench.labels.acts.undo(view.id, bench.readers[0]) == []
    assert bench.labels.record.verify().intact


def test_many_labels_are_taken_whole_or_not_at_all(label_bench):
    bench = label_bench
    patch = bench.patches[bench.slides[0]][0]
    for wrong in (
        [PatchGrades(patch), PatchGrades(10_000)],
        [PatchGrades(patch, Grades(ballooning=1), ignored=True)],
        [PatchGrades(patch)] * 2,
    ):
        with pytest.raises(LabelRefused):
            bench.labels.acts.put_many(bench.project, bench.readers[0], wrong)
    assert bench.labels.record.verify().events == 0
