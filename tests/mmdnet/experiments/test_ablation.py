from dataclasses import dataclass, replace

import numpy as np

from mmdnet.bags.splits import Split
from mmdnet.experiments import ablation as ours
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.training.config import read_config
from mmdnet.training.simulated import quartered_cohort, simulated_cohort


@dataclass(frozen=True)
class ArrayPixels:
    """Patches in memory, uint8, shape (n, side, side, 3)."""

    images: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def read(self, indices: np.ndarray) -> np.ndarray:
        return self.images[indices]


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
    quarters, pixels = quartered_cohort(paths, *simulated_cohort(paths, home / "patches"), tmp_path / "quarters.npy")
    thirds = ArrayPixels(pixels.read(np.arange(len(pixels)))[:, ::3, ::3])  # 50 px: what is learnt is no matter here
    cohort = replace(quarters, slides=tuple(replace(slide, patch_px=50) for slide in quarters.slides))
    monkeypatch.setattr(ours, "cohort_of", lambda setting, folder: (cohort, thirds))
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
    (tmp_path / "results" / setting.name / "full-0.json").write_text('{"variant": "full", "seed": 0}')
    assert ours.known_results(setting, variants, [0], tmp_path, told.append) == both[1:]
    assert told[-1].startswith("full-0.json is damaged or of another version")


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


def test_every_network_of_the_papers_table_and_of_the_grid_is_one_that_trains():
    for variant in (*ours.TABLE_2, *ours.ALPHA_GRID):
        config = read_config(dict(variant.choices))
        assert {name: getattr(config, name) for name in variant.choices} == variant.choices
    assert [v.task for v in ours.TABLE_2 if v.task] == list(TASK_NAMES)


def result(variant: str, seed: int, mean: float) -> dict:
    metrics = {"kappa_mean": mean} | {f"kappa_{name}": mean for name in TASK_NAMES}
    return {"variant": variant, "seed": seed, "metrics": {"test": metrics}}


def test_worth_is_paired_by_seed_and_an_interval_needs_two():
    results = [result("full", s, 0.8 + 0.01 * s) for s in range(3)] + [
        result("random-bags", s, 0.7 + 0.01 * s) for s in range(2)
    ]
    assert ours.worth(results)["random-bags"] == {"mean": 0.1, "n": 2, "interval": [0.1, 0.1]}
    assert "interval" not in ours.interval([0.5])
    assert ours.interval([0.6, 1.0], ours.KAPPA_ENDS)["interval"] == [-1, 1], "it ends where kappa does"
    of_full = ours.summary(results)["full"]["mean"]
    assert of_full["mean"] == 0.81
    low, high = of_full["interval"]
    assert low < 0.80
    assert high > 0.82
