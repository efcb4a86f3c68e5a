from mmdnet.labels.grading import Grades
from mmdnet.labels.slide_truth import SlideTruth


def test_a_slide_is_graded_when_one_task_is():
    assert not SlideTruth(1, "a").graded
    assert not SlideTruth(1, "a", nas=4).graded
    assert SlideTruth(1, "a", grades=Grades(ballooning=0)).graded
