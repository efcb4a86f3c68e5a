import numpy as np
import pytest

from mmdnet.bags.splits import Split
from mmdnet.experiments import ablation as ours
from mmdnet.experiments.attention import lesion_mask
from mmdnet.experiments.domain import domain_summary
from mmdnet.experiments.processor import reached
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.simulate import SlideRecipe, simulate_slide
from mmdnet.training.simulated import quartered_cohort, simulated_cohort


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    home = tmp_path_factory.mktemp("slides")
    paths = [home / f"{seed}.tiff" for seed in range(6)]
    for seed, path in enumerate(paths):
        grades = {"steatosis": seed % 4, "inflammation": (seed + 1) % 4, "ballooning": seed % 3}
        simulate_slide(
            SlideRecipe(
                seed=seed,
                patient=f"P{seed}",
                scanner=f"S{seed % 2}",
                grades=grades,
                width_px=700,
                height_px=700,
                artefacts=0,
            ),
            path,
        )
    return home, paths


def test_quarters_are_crops_of_their_patch_graded_by_what_was_drawn_in_them(drawn, tmp_path):
    home, paths = drawn
    whole, source = simulated_cohort(paths, home / "patches")
    cohort, quarters = quartered_cohort(paths, whole, source, tmp_path / "quarters.npy")
    assert len(quarters) == 4 * len(source) == len(cohort.patch_id)
    patch, parts = source.read(np.array([1]))[0], quarters.read(np.arange(4, 8))
    assert np.array_equal(parts[0], patch[:150, :150])
    assert np.array_equal(parts[3], patch[-150:, -150:])
    assert (cohort.slide_index == whole.slide_index.repeat(4)).all()


def test_an_experiment_goes_on_where_it_was_stopped_and_a_seed_shares_its_warm_up(drawn, tmp_path, monkeypatch):
    home, paths = drawn
    cohort = quartered_cohort(paths, *simulated_cohort(paths, home / "patches"), tmp_path / "quarters.npy")
    monkeypatch.setattr(ours, "cohort_of", lambda setting, folder: cohort)
    setting = ours.Setting(slides=6, warm_up=1, on_bags=1)
    variants = [v for v in ours.ABLATION if v.name in (ours.FULL, "by-slide", "random-bags", "only-steatosis")]
    told: list[str] = []
    first = ours.run_variants(setting, variants[:1], [0], tmp_path, told.append)
    assert len(first) == len(told) == 1
    both = ours.run_variants(setting, variants, [0], tmp_path, told.append)
    assert [r["variant"] for r in both] == [ours.FULL, "by-slide", "random-bags", "only-steatosis"]
    assert len(told) == 4  # the first was not trained again
    assert ours.known_results(setting, variants, [0, 1], tmp_path) == both
    warm_ups = sorted(path.name for path in (tmp_path / "runs" / setting.name).iterdir())
    assert warm_ups == ["warm-up-all-0", "warm-up-all-as-they-come-0", "warm-up-steatosis-0"]
    assert both[2]["choices"]["bag_drawing"] == "random"


def test_few_grades_are_left_on_training_slides_alone(drawn):
    home, paths = drawn
    cohort, _ = simulated_cohort(paths, home / "patches")
    split = Split((0, 1, 2, 3), (4,), (5,), "patient", 0)
    few = ours.with_few_grades(cohort, split, 2, seed=0)
    known = (few.grades >= 0).any(axis=1)
    assert all(np.count_nonzero(known[few.patches_of(s)]) == 2 for s in split.train)
    kept = np.flatnonzero(known)
    assert np.array_equal(few.grades[kept], cohort.grades[kept])
    rest = np.isin(cohort.slide_index, (4, 5))
    assert np.array_equal(few.grades[rest], cohort.grades[rest])
    assert not np.array_equal(few.grades, ours.with_few_grades(cohort, split, 2, seed=1).grades)


def result(variant: str, seed: int, mean: float) -> dict:
    metrics = {"kappa_mean": mean} | {f"kappa_{name}": mean for name in TASK_NAMES}
    return {"variant": variant, "seed": seed, "metrics": {"test": metrics}}


def test_worth_is_paired_by_seed_and_an_interval_needs_two():
    results = [result("full", s, 0.8 + 0.01 * s) for s in range(3)] + [
        result("random-bags", s, 0.7 + 0.01 * s) for s in range(2)
    ]
    assert ours.worth(results)["random-bags"] == {"mean": 0.1, "n": 2, "interval": [0.1, 0.1]}
    assert "interval" not in ours.interval([0.5])
    found = ours.summary(results)["full"]["mean"]
    assert found["mean"] == 0.81
    low, high = found["interval"]
    assert low < 0.80
    assert high > 0.82


def test_the_domain_part_is_compared_on_the_same_seeds():
    def one(variant, seed, new):
        return {"variant": variant, "seed": seed, "kappa_mean": {"known_sites": 0.5, "new_site": new}, "probe": 0.9}

    found = domain_summary([one("no-domain", 0, 0.3), one("no-domain", 1, 0.4), one("stain-relative", 1, 0.5)])
    assert found["stain-relative"]["added_on_new_site"] == {"mean": 0.1, "n": 1}
    assert "added_on_new_site" not in found["no-domain"]


def test_enough_is_reached_when_every_task_is_good():
    low = {"processor_min": 1.0, "mean": 0.85, "ballooning": 0.6, "inflammation": 0.95, "steatosis": 1.0}
    assert reached([low]) is None
    assert reached([low, low | {"processor_min": 2.0, "ballooning": 0.7}]) == 2.0


def test_a_lesions_outline_lies_where_it_was_drawn():
    from mmdnet.simulate.truth import SlideTruth

    nothing = np.zeros((0, 3))
    truth = SlideTruth(
        {},
        0.5,
        1000,
        1000,
        {},
        0,
        0,
        0,
        0,
        1,
        nothing,
        np.array([[100.0, 60.0, 8.0, 4.0, 0.0]]),
        np.array([[80.0, 50.0, 10.0]]),
        nothing,
    )
    focus = lesion_mask(truth, "inflammation", 60, 20)
    assert focus[80, 100] and not focus[80, 125]
    assert focus.sum() == pytest.approx(np.pi * 20**2, rel=0.06)
    assert lesion_mask(truth, "steatosis", 60, 20)[100, 140]
    assert not lesion_mask(truth, "ballooning", 60, 20).any()
