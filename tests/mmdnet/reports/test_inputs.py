import numpy as np

from tests.mmdnet.reports.crafted import inputs, score, task


def test_a_patch_is_graded_at_the_threshold_its_score_was_counted_at():
    given = inputs(score=score(tasks={"steatosis": task(1, 4, threshold=0.6)}))
    given.arrays.patch_probabilities["steatosis"][:3] = [[0.45, 0.55, 0, 0], [0.35, 0.65, 0, 0], [0.3, 0.1, 0.6, 0]]
    assert given.patch_grades("steatosis")[:3].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(given.patch_grades("steatosis")[4:8], [0, 1, 2, 3])
