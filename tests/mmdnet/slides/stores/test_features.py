"""Features on disk."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmdnet.errors import LabError
from mmdnet.slides.stores.features import FeatureStore, feature_key, load_features, save_features


@given(arrays(np.float16, st.tuples(st.integers(0, 20), st.integers(1, 8)), elements=st.floats(-100, 100, width=16)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_features_come_back_as_they_went(tmp_path, features):
    save_features(tmp_path / "f.safetensors", features, {"weights": "abc"})
    back, meta = load_features(tmp_path / "f.safetensors", verify=True)
    assert np.array_equal(back, features)
    assert meta["weights"] == "abc"


def test_damaged_features_are_refused(tmp_path):
    store = FeatureStore(tmp_path)
    key = feature_key(slide="a", weights="b")
    assert not store.has(key)
    store.save(key, np.ones((4, 3), np.float32), {})
    assert store.has(key)
    data = bytearray(store.path(key).read_bytes())
    data[-1] ^= 1
    store.path(key).write_bytes(data)
    with pytest.raises(LabError, match="damaged"):
        load_features(store.path(key), verify=True)
    store.path(key).write_bytes(data[:20])
    with pytest.raises(LabError, match="damaged"):
        store.load(key)


def test_features_that_are_not_finite_are_not_stored(tmp_path):
    with pytest.raises(LabError, match="not finite"):
        save_features(tmp_path / "f.safetensors", np.asarray([[np.nan]]), {})
    assert not list(tmp_path.iterdir())
