"""Small simulated slides with every grade of every task among them, drawn once for all tests of experiments."""

import pytest

from mmdnet.simulate import SlideRecipe, simulate_slide


@pytest.fixture(scope="session")
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
