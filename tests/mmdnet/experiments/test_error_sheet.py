import cv2
import pytest

from mmdnet.experiments import error_sheet as ours
from mmdnet.experiments.simulated_cohorts import Drawn
from mmdnet.settings import DEMO_MODEL
from mmdnet.training.simulated import simulated_cohort


@pytest.fixture
def sheet(drawn, tmp_path, monkeypatch):
    home, paths = drawn
    cohort = Drawn(paths, *simulated_cohort(paths, home / "patches"))
    monkeypatch.setattr(ours, "draw_cohort", lambda slides, seed, home: cohort)
    monkeypatch.setattr(Drawn, "tested", lambda drawn, card: [0, 1])
    return ours.error_sheet(DEMO_MODEL, tmp_path, 6, 0, tmp_path / "sheet.png"), cohort, tmp_path / "sheet.png"


def test_the_sheet_counts_every_test_patch_and_has_a_row_for_each_task(sheet):
    counts, drawn, picture = sheet
    judged = sum(int((~drawn.cohort.ignored[drawn.cohort.patches_of(slide)]).sum()) for slide in (0, 1))
    assert list(counts) == ["ballooning", "inflammation", "steatosis"]
    for of_task in counts.values():
        assert of_task["patches"] == judged
        assert 0 <= of_task["by_more_than_one"] <= of_task["wrong"] <= judged
    assert cv2.imread(str(picture)).shape == (3 * 329, 8 * 303, 3)
