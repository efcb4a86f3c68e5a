"""A new rule or calibration on a slide whose features are kept, beside computing the features."""

import statistics
import time

import numpy as np

from benchmarks.result import Result
from mmdnet.experiments.graded_cohort import GridSize, Position
from mmdnet.nn.io import load_model
from mmdnet.scoring.choices import ScoringChoices
from mmdnet.scoring.predict import SlideFeatures
from mmdnet.scoring.rules import RULES
from mmdnet.scoring.slide import score_features
from mmdnet.settings import DEMO_MODEL

REACH_S, PATCHES = 1.0, 2400


def run(quick: bool = False) -> Result:
    """Seconds to score 2,400 patches with the demo model from kept features; `value` is the slowest rule's median.

    The features are drawn noise: their number counts, not what they say. Quick: three runs instead of nine.
    """
    model, card = load_model(DEMO_MODEL)
    random = np.random.default_rng(0)
    features = SlideFeatures(random.normal(size=(PATCHES, model.width)).astype(np.float32), {})
    places = [Position(k // 60, k % 60, 1.0) for k in range(PATCHES)]
    grid = GridSize(card.patch_px, card.patch_mpp)
    runs = 3 if quick else 9
    wall: dict[str, list[float]] = {name: [] for name in RULES}
    processor: dict[str, list[float]] = {name: [] for name in RULES}
    for turn in range(runs + 1):
        for name in RULES:
            start, used = time.perf_counter(), time.process_time()
            score_features(model, card, features, places, grid, "cpu", ScoringChoices(rule=name, ignore_above=1.0))
            if turn:
                wall[name].append(time.perf_counter() - start)
                processor[name].append(time.process_time() - used)
    medians = {name: round(statistics.median(times), 3) for name, times in wall.items()}
    used_s = {name: round(statistics.median(times), 3) for name, times in processor.items()}
    beside = {"reach": REACH_S, "reach_is": "most", "wall_s": medians, "processor_s": used_s, "patches": PATCHES}
    return Result("rescore", max(medians.values()), "s", beside, runs)
