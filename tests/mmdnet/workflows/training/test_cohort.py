"""A training's cohort from whatever there is: patch labels, slide grades, both, or bags of patches nobody graded."""

import pytest

from db import event_log, slide_readings
from db.models import Patch, PatientAnswer, Slide
from mmdnet.errors import LabError
from mmdnet.training.config import TrainingConfig
from mmdnet.workflows.labelling.views import LabelChoice
from mmdnet.workflows.training.cohort import gather, make_cohort, some
from tests.label_bench import grade_all
from tests.nas import row


@pytest.fixture
def bench(label_bench):
    """Two slides of two patients, neither labelled nor graded."""
    with label_bench.db.begin() as session:
        for number, slide_id in enumerate(label_bench.slides):
            slide = session.get(Slide, slide_id)
            slide.patient, slide.site, slide.patch_px, slide.patch_mpp = f"P{number}", "North", 299, 0.5
    return label_bench


def grade_slide(bench, slide, reader=0, **grades):
    with event_log.appending(bench.db) as session:
        slide_readings.put(session, bench.slides[slide], bench.readers[reader], "grade", grades)


def gathered(bench, choice=None, **choices):
    choice = choice or LabelChoice()
    label_set = bench.labels.consensus.label_set(bench.project, choice)
    with bench.db() as session:
        return gather(session, bench.project, label_set, choice, TrainingConfig(backbone="small", **choices))


def test_a_lab_with_slide_grades_alone_has_a_cohort_of_patches_nobody_graded(bench):
    grade_slide(bench, 0, steatosis=1)
    grade_slide(bench, 1, steatosis=3)
    data = gathered(bench)
    assert (data.unlabelled, data.graded_slides, data.left_out) == (len(data.rows), 2, ())
    assert {row.patch_id for row in data.rows} == {p for own in bench.patches.values() for p in own}
    with bench.db() as session:
        cohort = make_cohort(session, data.rows, data.slides, 0.4)
    assert cohort.labelled_slides() == [0, 1] and cohort.weakly_graded(0).tolist() == row(
        False, False, True, other=False
    )
    assert (cohort.slide_trust, cohort.slides[0].patient) == (0.4, "p0")


def test_patch_labels_and_slide_grades_are_used_together_and_what_is_left_out_is_said(bench):
    grade_all(bench, 0, [0, 1, 2], slide=0)
    data = gathered(bench)
    assert data.unlabelled == 0 and {row.slide_id for row in data.rows} == {bench.slides[0]}
    assert "Slides that have neither a labelled patch nor a grade of their own are left out: 1 (" in data.left_out[0]
    grade_slide(bench, 1, inflammation=2)
    both = gathered(bench)
    assert both.left_out == () and both.unlabelled == len(bench.patches[bench.slides[1]])
    patches = gathered(bench, learn_from="patches")
    assert patches.rows == data.rows and "patch labels alone were chosen" in patches.left_out[0]
    slides = gathered(bench, learn_from="slides")
    assert {row.slide_id for row in slides.rows} == {bench.slides[1]} and not slides.rows[0].grades.any_known
    assert "have no grade of their own" in slides.left_out[0]


def test_so_many_ungraded_patches_are_drawn_as_were_asked_for_the_same_with_the_same_seed(bench):
    grade_slide(bench, 0, steatosis=1)
    few = gathered(bench, ungraded_patches=4, seed=1)
    assert len(few.rows) == 4 and few.rows == gathered(bench, ungraded_patches=4, seed=1).rows
    assert any(few.rows != gathered(bench, ungraded_patches=4, seed=seed).rows for seed in (2, 3, 4))


def test_graded_slides_without_usable_patches_are_named(bench):
    grade_slide(bench, 0, steatosis=1)
    grade_slide(bench, 1, steatosis=2)
    with bench.db.begin() as session:
        session.query(Patch).filter(Patch.slide_id == bench.slides[1]).update({"set_aside": "pen"})
    assert "Slides that have a grade but no patches that can be used are left out: 1 (" in gathered(bench).left_out[0]
    with bench.db.begin() as session:
        session.get(Slide, bench.slides[0]).status = "needs_mpp"
    with pytest.raises(LabError, match="2 slides have grades, but no patches"):
        gathered(bench)


@pytest.mark.parametrize(
    ("learn_from", "words"), [("both", "facts import"), ("slides", "Enter grades"), ("patches", "Label some patches")]
)
def test_nothing_to_learn_from_says_what_would_help(bench, learn_from, words):
    with pytest.raises(LabError, match=words):
        gathered(bench, learn_from=learn_from)


def test_only_the_chosen_slides_and_the_chosen_readers_grades_take_part(bench):
    grade_slide(bench, 0, steatosis=1)
    grade_slide(bench, 1, reader=1, steatosis=2)
    by_slide = gathered(bench, LabelChoice(slide_ids=(bench.slides[1],)))
    assert {slide.slide_id for slide in by_slide.slides} == {bench.slides[1]} and by_slide.left_out == ()
    by_reader = gathered(bench, LabelChoice(reader_id=bench.readers[0]))
    assert {slide.slide_id for slide in by_reader.slides} == {bench.slides[0]}


def test_an_id_of_two_sites_asks_before_a_training_and_takes_the_answer(bench):
    with bench.db.begin() as session:
        first, second = (session.get(Slide, number) for number in bench.slides)
        first.patient, first.site, second.patient, second.site = "P 1", "North", "p01", "South"
    grade_slide(bench, 0, steatosis=1)
    grade_slide(bench, 1, steatosis=2)
    with pytest.raises(LabError, match=r'"P 1" is used at North and at South\. Say whether'):
        gathered(bench)
    for same, persons in ((True, 1), (False, 2)):
        with bench.db.begin() as session:
            session.add(PatientAnswer(project_id=bench.project, patient="p1", one_person=same))
        assert len({slide.person for slide in gathered(bench).slides}) == persons


def test_a_long_list_of_names_is_cut():
    assert (some(["a"]), some(list("abcde"))) == ("a", "a, b, c and 2 more")
