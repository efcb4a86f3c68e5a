"""The atlas: exemplars of consensus labels, and never one that tells a reader what they still have to grade."""

import pytest

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASKS, Grades
from mmdnet.workflows.labelling.atlas import WANTED
from mmdnet.workflows.labelling.views import PatchGrades
from tests.nas import NAMES


@pytest.fixture
def atlas(label_bench):
    return label_bench.labels.atlas


def grade(bench, reader, patches, **grades):
    bench.labels.acts.put_many(
        bench.project, bench.readers[reader], [PatchGrades(patch, Grades(**grades)) for patch in patches]
    )


def shown(exemplars):
    return {patch for grades in exemplars.values() for of_grade in grades.values() for patch in of_grade.patches}


def test_without_labels_it_says_how_many_are_missing(label_bench, atlas):
    exemplars = atlas.exemplars(label_bench.session().id)
    assert [list(exemplars[task]) for task in NAMES] == [[0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert {task: max(grades) for task, grades in exemplars.items()} == {task.name: task.highest for task in TASKS}
    assert all(
        (of_grade.patches, of_grade.missing, of_grade.drawn) == ((), WANTED, WANTED)
        for task in NAMES
        for of_grade in exemplars[task].values()
    )


def test_exemplars_carry_the_grade_they_stand_for_and_come_from_several_slides(label_bench, atlas):
    bench = label_bench
    first, second = (bench.patches[slide] for slide in bench.slides[:2])
    grade(bench, 0, [*first[:5], *second[:5]], steatosis=2)
    grade(bench, 0, first[5:7], steatosis=1)
    exemplars = atlas.exemplars(bench.session(per_slide=2).id)
    fatty = exemplars["steatosis"][2]
    assert (
        fatty.missing == fatty.drawn == 0
        and len(fatty.patches) == WANTED
        and set(fatty.patches) <= {*first[:5], *second[:5]}
    )
    assert set(fatty.patches) & set(first) and set(fatty.patches) & set(second)
    one_short = exemplars["steatosis"][1]
    assert (set(one_short.patches), one_short.missing, one_short.drawn) == (set(first[5:7]), 1, 1)
    assert shown({"ballooning": exemplars["ballooning"]}) == set()


def test_nothing_is_shown_of_what_the_reader_still_has_to_grade(label_bench, atlas):
    bench = label_bench
    everything = [patch for own in bench.patches.values() for patch in own]
    view = bench.session(reader=1, per_slide=10)
    grade(bench, 0, everything, steatosis=3)
    asked = {item.patch_id for item in bench.labels.sessions.queue(view.id, 0, 99)}
    assert len(shown(atlas.exemplars(view.id))) == WANTED and not shown(atlas.exemplars(view.id)) & asked


def test_nothing_is_shown_of_ones_own_repeat_reads_until_they_are_done(label_bench, atlas):
    bench = label_bench
    patches = bench.patches[bench.slides[0]][:4]
    grade(bench, 0, patches, steatosis=1)
    view = bench.labels.reviews.create(bench.project, bench.readers[0], "repeat", share=1, washout_days=0)
    assert shown(atlas.exemplars(view.id)) == set()


def test_what_was_shown_as_an_exemplar_is_not_asked_of_that_reader_afterwards(label_bench, atlas):
    bench = label_bench
    everything = [patch for own in bench.patches.values() for patch in own]
    view = bench.session(reader=1, per_slide=5)
    grade(bench, 0, everything, steatosis=3)
    told = shown(atlas.exemplars(view.id))
    again = bench.session(reader=1, per_slide=99, name="All")
    assert told and not told & {item.patch_id for item in bench.labels.sessions.queue(again.id, 0, 99)}
    second = bench.labels.reviews.create(bench.project, bench.readers[1], "second", share=1)
    assert not told & {item.patch_id for item in bench.labels.sessions.queue(second.id, 0, 99)}
    other = bench.session(reader=2, per_slide=99, name="All")
    assert told <= {item.patch_id for item in bench.labels.sessions.queue(other.id, 0, 99)}


def test_the_same_exemplars_come_again_and_a_changed_label_leaves(label_bench, atlas):
    bench = label_bench
    patches = bench.patches[bench.slides[0]][:8]
    grade(bench, 0, patches, steatosis=1)
    view = bench.session(per_slide=1)
    before = atlas.exemplars(view.id)["steatosis"][1].patches
    assert atlas.exemplars(view.id)["steatosis"][1].patches == before
    grade(bench, 0, before[:1], steatosis=2)
    after = atlas.exemplars(view.id)["steatosis"]
    assert before[0] in after[2].patches and before[0] not in after[1].patches


def test_drawn_exemplars_are_pictures_made_once_and_no_more_are_drawn_than_are_shown(atlas):
    jpeg = atlas.drawn("steatosis", 3, 0)
    assert jpeg.startswith(b"\xff\xd8") and atlas.drawn("steatosis", 3, 0) is jpeg
    for asked in (("steatosis", 3, WANTED), ("fibrosis", 1, 0), ("ballooning", 3, 0)):
        with pytest.raises(LabError, match="drawn exemplar"):
            atlas.drawn(*asked)
