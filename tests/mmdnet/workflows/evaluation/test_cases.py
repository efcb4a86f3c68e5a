"""Cases of a project: blind truth, readers by name, and the drawn densities of simulated slides."""

from mmdnet.simulate import SlideRecipe, simulate_slide
from mmdnet.workflows.evaluation.cases import cases_of, graded_slides, judging_truth
from tests.mmdnet.reports import crafted
from tests.mmdnet.workflows.evaluation.conftest import give


def test_cases_are_the_scored_slides_with_their_readers(graded):
    with graded.lab.db() as session:
        truths = judging_truth(session, graded.project)
        cases = cases_of(session, truths, {graded.slides[2]: crafted.score()}, {graded.slides[2]: "fold 1"})
        assert graded_slides(session, graded.project) == set(graded.slides)
    (case,) = cases
    assert case.truth.grades["inflammation"] == 3 and case.fold == "fold 1" and case.densities == {}
    assert list(case.readings) == ["Ada"] and case.predicted.grades.total is not None


def test_a_drawn_slides_densities_come_from_its_truth_file_while_it_is_there(graded, tmp_path):
    lab = graded.lab
    path = tmp_path / "drawn.tiff"
    truth = simulate_slide(SlideRecipe(seed=1, densities={"inflammation": 3.0}, width_px=420, height_px=420), path)
    slide = lab.slides.register(graded.project, path)[0].slide_id
    give(lab, slide, graded.reader, (1, 1, 1))

    def densities():
        with lab.db() as session:
            (case,) = cases_of(session, judging_truth(session, graded.project), {slide: crafted.score()})
        return case.densities

    assert densities() == truth.densities and truth.densities["inflammation"] == truth.foci_per_field
    path.with_suffix(".truth.json").unlink()
    assert densities() == {}
