import json

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.labels.agreement import quadratic_kappa
from mmdnet.labels.grading import slide_inflammation_grade, steatosis_grade
from mmdnet.scoring.aggregate import choose_aggregator
from mmdnet.scoring.calibration.fit import LEAST_SLIDES, GradedSlide, fit_calibration
from mmdnet.scoring.calibration_record import Calibration, read_calibration
from mmdnet.scoring.estimate import estimate_slide
from mmdnet.scoring.rules import COUNTED, RULES
from tests.mmdnet.scoring.crafted import slide

PATCHES = 96


def graded(n, seed, hidden=0.5, patients=None):
    """Slides of which a model sees only some of the foci and half of the fat: uncalibrated, it grades too low."""
    random = np.random.default_rng(seed)
    slides = []
    for k in range(n):
        fat, foci = random.random(), random.uniform(0, 7)
        per_patch = foci * COUNTED["inflammation"] * 0.1495**2 / 0.95
        seen = (random.random(PATCHES) < per_patch * hidden).astype(int)
        fatty = (random.random(PATCHES) < fat * 0.8).astype(int) * 2  # a patch is never quite full
        evidence = slide(8, 12, inflammation=seen, steatosis=fatty)
        grades = {"inflammation": slide_inflammation_grade(foci), "steatosis": steatosis_grade(fat), "ballooning": None}
        densities = {"inflammation": foci, "steatosis": fat}
        slides.append(GradedSlide(f"s{k}", patients[k] if patients else f"p{seed}-{k}", evidence, grades, densities))
    return slides


@pytest.fixture(scope="module")
def slides():
    return graded(48, 0)


@pytest.fixture(scope="module")
def calibration(slides):
    return fit_calibration(slides, bag_size=48, patch_mpp=0.5)


def steatosis_kappa(slides, calibration, rule="auto"):
    aggregator = choose_aggregator(rule, calibration)
    said = [estimate_slide(s.evidence, aggregator, 50).distribution.grade("steatosis") for s in slides]
    return quadratic_kappa(np.array([s.grades["steatosis"] for s in slides]), np.array(said), 4)


def test_calibration_mends_a_model_that_sees_half_of_the_fat(calibration):
    new = graded(60, 1)
    assert steatosis_kappa(new, Calibration(), "density") < steatosis_kappa(new, calibration) - 0.05
    assert steatosis_kappa(new, calibration) > 0.85


def test_every_rule_was_tried_and_the_best_is_recorded(calibration):
    assert {tried.rule for tried in calibration.tried} == set(RULES)
    assert calibration.rule == calibration.tried[0].rule
    assert [tried.mean for tried in calibration.tried] == sorted((t.mean for t in calibration.tried), reverse=True)


def test_it_comes_back_from_the_json_of_a_card(calibration):
    assert read_calibration(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_intervals_of_grades_and_densities_hold_on_new_slides(calibration):
    held = []
    for new in graded(80, 2):
        estimate = estimate_slide(new.evidence, choose_aggregator("auto", calibration), 100)
        for name, known in (("inflammation", new.grades), ("steatosis", new.grades)):
            low, high = estimate.distribution.interval(name)
            held.append(low <= known[name] <= high)
            assert estimate.tasks[name].density_calibrated
            low, high = estimate.tasks[name].density_interval
            held.append(low <= new.densities[name] <= high)
    assert 0.84 <= np.mean(held) <= 0.97


def test_tasks_nobody_graded_are_left_out_and_without_them_there_is_no_nas(calibration):
    assert set(calibration.tasks) == {"inflammation", "steatosis"}
    assert calibration.nas is None and calibration.referral is None


def test_a_rule_can_be_asked_for(slides):
    fitted = fit_calibration(slides[:20], rule="learned")
    assert fitted.rule == "learned" and fitted.tasks["steatosis"].coefficients
    assert [tried.rule for tried in fitted.tried] == ["learned"]


def test_no_residual_comes_from_a_scale_its_own_patient_shaped():
    """Coin-flip grades, two slides per patient: only an honest split shows that nothing was learnt."""
    random = np.random.default_rng(0)
    slides = [
        GradedSlide(f"s{k}", f"p{k // 2}", slide(4, 6, steatosis=np.full(24, k // 2 % 4)), {"steatosis": grade})
        for k, grade in enumerate(np.repeat(random.integers(0, 4, 40), 2).tolist())
    ]
    fit = fit_calibration(slides, rule="density").tasks["steatosis"]
    assert abs(fit.kappa_across_folds) < 0.35
    assert fit.conformal.error > 0.8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda slides: slides[: LEAST_SLIDES - 1], "needs at least 10 slides"),
        (lambda slides: [with_grades(s, steatosis=1) for s in slides], "alike"),
        (lambda slides: [with_grades(s, steatosis=3 * (k % 2)) for k, s in enumerate(slides)], "grade 1 and 2"),
        (lambda slides: [with_grades(s, steatosis=None) for s in slides], "there are none"),
        (lambda slides: [GradedSlide(s.name, "same", s.evidence, s.grades) for s in slides], "two patients"),
    ],
)
def test_what_cannot_be_calibrated_on_is_refused_in_a_sentence(slides, change, words):
    with pytest.raises(LabError, match=f"Nothing was calibrated.*{words}.*stays as it was"):
        fit_calibration(change([with_grades(s, steatosis=s.grades["steatosis"]) for s in slides]), rule="density")


def with_grades(graded_slide, **grades):
    return GradedSlide(graded_slide.name, graded_slide.patient, graded_slide.evidence, grades)


def test_patches_of_two_sizes_are_refused(slides):
    from dataclasses import replace

    other = [replace(s, evidence=replace(s.evidence, patch_mm2=4 * s.evidence.patch_mm2)) for s in slides[:5]]
    with pytest.raises(LabError, match="different sizes"):
        fit_calibration([*slides[5:], *other])


def test_an_unknown_method_or_rule_is_refused(slides):
    with pytest.raises(LabError, match="no calibration method"):
        fit_calibration(slides, method="guess")
    with pytest.raises(LabError, match="no aggregation rule"):
        fit_calibration(slides[:12], rule="guess")
