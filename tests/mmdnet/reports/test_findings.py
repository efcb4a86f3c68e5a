import pytest

from mmdnet.reports.findings import disagreements, quality_notes
from tests.mmdnet.reports.crafted import card, score, slide, task


@pytest.mark.parametrize(
    ("grade", "area", "flagged"),
    [(0, 0.01, False), (0, 0.06, True), (1, 0.001, True), (2, 0.16, False), (3, 0.05, True), (3, 0.25, False)],
)
def test_only_wide_gaps_between_fat_and_grade_count(grade, area, flagged):
    assert bool(disagreements({"steatosis": task(grade, 4, density=0.5)}, area)) is flagged


def test_counts_two_grades_from_the_grade_are_flagged():
    tasks = {"inflammation": task(1, 4, density=5.0), "ballooning": task(1, 3, density=5.0)}
    (sentence,) = disagreements(tasks, None)
    assert sentence.startswith("Lobular inflammation: the model's grade is 1, but 5 foci per field")


def test_fat_that_was_not_measured_contradicts_nothing():
    assert disagreements({"steatosis": task(3, 4)}, None) == ()


def test_a_slide_mostly_set_aside_is_a_warning():
    warnings = [
        note.words
        for note in quality_notes(slide(), score(patches=100, set_aside=31, warnings=()), card(), None)
        if note.weight == "warning"
    ]
    assert warnings == ["31 % of the slide's patches were not assessed."]


@pytest.mark.parametrize(
    ("length_mm", "words"),
    [(9.9, "under 29 %"), (10.0, "under 46 %"), (24.9, "under 56 %"), (25.0, "under 65 %"), (None, "was not measured")],
)
def test_a_short_core_is_said_with_what_it_misses(length_mm, words):
    notes = quality_notes(slide(core_length_mm=length_mm), score(), card(), None)
    assert any(words in note.words for note in notes)
