"""Labelling as pages and routes see it: nothing lost, misplaced or seen too early."""

import dataclasses

import pytest

from mmdnet.errors import LabError
from mmdnet.workflows.labelling.views import LabelAct, LabelChoice, LabelRefused, PatchGrades


def act(bench, view, item, number=0, **changes):
    return dataclasses.replace(
        LabelAct(
            key=f"press-{number:08d}",
            session_id=view.id,
            reader_id=bench.readers[0],
            patch_id=item.patch_id,
            grades={"ballooning": 1, "inflammation": 0, "steatosis": 3},
            took_ms=2000,
        ),
        **changes,
    )


@pytest.fixture
def view(label_bench):
    return label_bench.session()


@pytest.fixture
def items(label_bench, view):
    return label_bench.labels.sessions.queue(view.id)


def test_a_label_stands_where_it_was_put(label_bench, view, items):
    saved = label_bench.labels.acts.put(act(label_bench, view, items[2]))
    assert not saved.already
    (label,) = label_bench.labels.current(label_bench.project)
    assert (label.patch_id, label.slide_id) == (items[2].patch_id, items[2].slide_id)
    assert label.grades == {"ballooning": 1, "inflammation": 0, "steatosis": 3}


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
        ({"grades": {"fibrosis": 1}}, "no task"),
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
    assert label.steatosis == 0


def test_undo_walks_back_act_by_act(label_bench, view, items):
    labels = label_bench.labels
    labels.acts.put(act(label_bench, view, items[0], 1))
    labels.acts.put(act(label_bench, view, items[0], 2, grades={"steatosis": 0}))
    labels.acts.put(act(label_bench, view, items[1], 3))
    reader = label_bench.readers[0]
    assert labels.acts.undo(view.id, reader) == [items[1].patch_id]
    assert labels.acts.undo(view.id, reader) == [items[0].patch_id]
    assert [one.steatosis for one in labels.current(label_bench.project)] == [3]
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


def test_an_ignored_patch_counts_as_labelled_and_has_no_grades(label_bench, view, items):
    label_bench.labels.acts.put(act(label_bench, view, items[0], act="ignore", ignored=True, grades={}))
    progress = label_bench.labels.sessions.progress(view.id)
    assert (progress.labelled, progress.patches) == (1, 10)
    assert label_bench.labels.consensus.label_set(label_bench.project).rows[0].ignored


def test_a_patch_with_all_unknown_is_done_but_teaches_nothing(label_bench, view, items):
    label_bench.labels.acts.put(act(label_bench, view, items[0], grades={}))
    assert label_bench.labels.sessions.progress(view.id).labelled == 1
    assert label_bench.labels.consensus.label_set(label_bench.project).rows == ()


def test_a_flag_alone_is_no_label(label_bench, view, items):
    label_bench.labels.acts.put(act(label_bench, view, items[0], act="flag", flagged=True, grades={}))
    assert label_bench.labels.sessions.progress(view.id).labelled == 0
    assert label_bench.labels.sessions.queue(view.id)[0].own.flagged


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
    assert not {one.patch_id for one in items} & {
        one.patch_id for one in label_bench.labels.sessions.queue(again.id, 0, 99)
    }


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


def test_many_labels_are_one_act_to_undo(label_bench, view):
    bench = label_bench
    patches = bench.patches[bench.slides[0]]
    labels = [PatchGrades(patch, steatosis=2) for patch in patches]
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
        [PatchGrades(patch, ballooning=3)],
        [PatchGrades(patch)] * 2,
    ):
        with pytest.raises(LabelRefused):
            bench.labels.acts.put_many(bench.project, bench.readers[0], wrong)
    assert bench.labels.record.verify().events == 0


def test_a_label_set_hashes_its_grades_and_places_and_nothing_else(tmp_path):
    from tests.label_bench import make_label_bench

    hashes = []
    for number, grade in enumerate((1, 1, 2)):
        home = tmp_path / str(number)
        home.mkdir()
        bench = make_label_bench(home, slides=2 + number)
        patches = bench.patches[bench.slides[1]]
        given = [PatchGrades(patches[0], steatosis=grade), PatchGrades(patches[1], ignored=True)]
        bench.labels.acts.put_many(bench.project, bench.readers[0], given[:: -1 if number == 1 else 1])
        hashes.append(bench.labels.consensus.label_set(bench.project).sha256)
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_label_set_says_who_by_which_rule_and_how_many(label_bench):
    bench = label_bench
    patches = bench.patches[bench.slides[0]]
    bench.labels.acts.put_many(bench.project, bench.readers[0], [PatchGrades(p, ballooning=1) for p in patches[:3]])
    bench.labels.acts.put_many(bench.project, bench.readers[1], [PatchGrades(p, ballooning=2) for p in patches[:1]])
    found = bench.labels.consensus.label_set(bench.project)
    assert (found.rule, found.readers, found.counts["ballooning"]) == ("latest", ("Ada", "Ben"), {"1": 2, "2": 1})
    assert bench.labels.consensus.label_set(bench.project, LabelChoice("majority")).counts["ballooning"] == {"1": 2}
    assert bench.labels.consensus.label_set(bench.project, LabelChoice(reader_id=bench.readers[0])).counts[
        "ballooning"
    ] == {"1": 3}


def grade_all(bench, reader, grades):
    patches = bench.patches[bench.slides[0]]
    labels = [PatchGrades(patch, steatosis=grade) for patch, grade in zip(patches, grades, strict=False)]
    bench.labels.acts.put_many(bench.project, bench.readers[reader], labels)


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
    assert {one.steatosis for one in bench.labels.current(bench.project)} == {1}


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
        row.patch_id: row.steatosis
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
    assert all(set(vote) == {"ballooning", "inflammation", "steatosis"} for vote in item.votes)
    second = bench.labels.reviews.create(bench.project, bench.readers[2], "second", share=1)
    assert all(item.votes == () for item in bench.labels.sessions.queue(second.id))


def test_a_training_may_choose_its_slides(label_bench):
    bench = label_bench
    slide, other = bench.slides[:2]
    both = [PatchGrades(bench.patches[one][0], steatosis=1) for one in (slide, other)]
    bench.labels.acts.put_many(bench.project, bench.readers[0], both)
    assert len(bench.labels.consensus.label_set(bench.project, LabelChoice(slide_ids=(slide,))).rows) == 1
    assert bench.labels.consensus.label_set(bench.project, LabelChoice(slide_ids=(slide + 999,))).rows == ()
