from dataclasses import replace

import numpy as np
import pytest

from mmdnet.bags.cohort import Cohort, SlideInfo, grade_counts
from mmdnet.errors import LabError
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX
from tests.nas import columns, row


def small(**changes) -> Cohort:
    facts = {
        "slides": (SlideInfo(1, "a", "s", "x", "H&E"), SlideInfo(2, "b", "s", "", "Masson trichrome")),
        "patch_id": np.arange(4),
        "slide_index": np.array([0, 0, 1, 1]),
        "grades": columns(np.array([[0, 1, 2], [-1, -1, -1], [2, -1, 3], [-1, 0, 0]], np.int8)),
        "ignored": np.array([False, False, False, True]),
    }
    return Cohort(**(facts | changes))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"grades": columns(np.full((4, 3), 3, np.int8))}, "Ballooning is graded 0 to 2"),
        ({"grades": columns(np.full((3, 3), 0, np.int8))}, "not equally many"),
        ({"slide_index": np.array([0, 0, 1, 2])}, "not there"),
        ({"patch_id": np.array([1, 1, 2, 3])}, "twice"),
        ({"slides": (SlideInfo(1, "a", grades={"steatosis": 4}), SlideInfo(2, "b"))}, "Steatosis is graded 0 to 3"),
        ({"slides": (SlideInfo(1, "a"), SlideInfo(1, "b"))}, "slide is there twice"),
    ],
)
def test_a_cohort_that_contradicts_itself_is_refused(changes, sentence):
    with pytest.raises(LabError, match=sentence):
        small(**changes)


def test_a_set_aside_patch_is_not_known_whatever_its_grade():
    assert small().known().tolist() == [True, False, True, False]


def test_a_slides_own_grade_serves_only_where_no_patch_was_graded():
    slides = small().slides
    graded = replace(slides[1], grades={"inflammation": 2, "steatosis": 1})
    cohort = small(slides=(slides[0], graded))
    assert cohort.weakly_graded(1).tolist() == row(False, True, False, other=False)
    assert grade_counts(cohort, [1])["inflammation"] == {2: 1}


def test_domains_are_named_by_their_key_and_unknown_where_a_part_is():
    of_slide, names = small().domains("scanner+stain")
    assert names == ("x · H&E",)
    assert of_slide.tolist() == [0, -1]
    assert small().domains("none")[1] == ()
    assert len(small().domains("slide")[1]) == 2


def test_the_label_set_has_one_identity_in_any_order_and_another_after_any_change():
    cohort = small()
    order = np.array([2, 0, 3, 1])
    shuffled = small(
        patch_id=cohort.patch_id[order],
        slide_index=cohort.slide_index[order],
        grades=cohort.grades[order],
        ignored=cohort.ignored[order],
    )
    assert shuffled.label_sha256() == cohort.label_sha256()
    changed = cohort.grades.copy()
    changed[0, 0] = 1
    assert small(grades=changed).label_sha256() != cohort.label_sha256()
    assert small(ignored=~cohort.ignored).label_sha256() != cohort.label_sha256()


def test_scale_and_side_are_those_of_the_slides_that_have_patches():
    slides = (SlideInfo(1, "a", patch_px=64, patch_mpp=0.44), SlideInfo(2, "b", patch_px=64, patch_mpp=0.445))
    bare = SlideInfo(3, "c", patch_px=299, patch_mpp=1.0)
    made = small(slides=(*slides, bare))
    assert made.patch_px == 64
    assert 0.44 <= made.patch_mpp <= 0.445
    assert (small().patch_px, small().patch_mpp) == (PATCH_PX, PATCH_MPP)


@pytest.mark.parametrize("other", [{"patch_px": 224}, {"patch_mpp": 0.44}])
def test_slides_cut_apart_are_refused(other):
    with pytest.raises(LabError, match=r"A network learns from patches of one size, but slide 1 .* and B1 is cut into"):
        small(slides=(SlideInfo(1, "a"), SlideInfo(2, "b", name="B1", **other)))
