"""Rows are kept as they come, and no job loses another's."""

import numpy as np

from mmdnet.settings import Settings
from mmdnet.slides.stores.features import FeatureStore
from mmdnet.workflows.slides.feature_store.feature_rows import RowKeeper


def test_two_jobs_that_compute_the_same_slide_lose_none_of_each_others_rows(tmp_path):
    settings = Settings(home=tmp_path)
    store = FeatureStore(tmp_path / "features")
    first, second = (RowKeeper(settings, store, "k", None, {"slide": "s"}) for _ in range(2))
    first.add(np.ones((2, 3), np.float32), np.array([[0, 0], [1, 0]]), "engine")
    second.add(np.full((2, 3), 2, np.float32), np.array([[1, 0], [2, 0]]), "engine")
    first.keep()
    second.keep()
    kept = store.rows("k")
    assert kept.places_px0.tolist() == [[0, 0], [1, 0], [2, 0]]
    assert kept.features[:, 0].tolist() == [1, 1, 2]
