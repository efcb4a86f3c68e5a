from collections.abc import Callable

import numpy as np
import pytest

from mmdnet.bags.cohort import Cohort, SlideInfo
from tests.nas import columns

MakeCohort = Callable[..., Cohort]


def make_cohort(
    slides: int = 30, patches: int = 60, seed: int = 0, ignored: float = 0.05, per_patient: int = 2
) -> Cohort:
    """A crafted cohort: each slide has its own level of each lesion, its patches scatter around it.

    Of the three tasks of the NAS; of any other no grade is known.
    """
    random = np.random.default_rng(seed)
    infos, grades = [], []
    for s in range(slides):
        infos.append(SlideInfo(100 + s, f"p{s // per_patient}", f"site {s % 3}", f"scanner {s % 2}", "H&E"))
        level = (s % 3, s % 4, (s // 2) % 4)
        highest = (2, 3, 3)
        drawn = [np.clip(random.poisson(0.5 * level[t], patches), 0, highest[t]) for t in range(3)]
        grades.append(np.stack(drawn, axis=1))
    n = slides * patches
    known = columns(np.concatenate(grades).astype(np.int8) if grades else np.empty((0, 3), np.int8))
    return Cohort(
        tuple(infos), np.arange(n) + 1000, np.repeat(np.arange(slides), patches),
        known, random.random(n) < ignored,
    )  # fmt: skip


@pytest.fixture(scope="session")
def crafted() -> MakeCohort:
    return make_cohort
