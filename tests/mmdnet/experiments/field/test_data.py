import numpy as np
import pytest

from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.errors import LabError
from mmdnet.experiments.field.data import FieldExtractor, extractor_of, field_data
from mmdnet.nn.engines import LEAST_COSINE, least_cosine
from tests.nas import columns


class Squares:
    """Patches of one colour each; counts how often it was read."""

    def __init__(self, count):
        self.count, self.reads = count, 0

    def __len__(self):
        return self.count

    def read(self, indices):
        self.reads += 1
        values = (np.asarray(indices) * 20 % 255).astype(np.uint8)
        return np.broadcast_to(values[:, None, None, None], (len(values), 64, 64, 3)).copy()


@pytest.fixture(scope="module")
def extractor():
    return extractor_of("small", patch_px=64)


def cohort_of(grades):
    ignored = np.zeros(len(grades), bool)
    ignored[-1] = True
    return Cohort((SlideInfo(1, "P"),), np.arange(len(grades)), np.zeros(len(grades), int), columns(grades), ignored)


def test_features_are_computed_once_at_two_scales_and_go_by_what_made_them(tmp_path, extractor, monkeypatch):
    cohort, pixels = cohort_of(np.ones((5, 3), np.int8)), Squares(5)
    data = field_data(cohort, pixels, extractor, tmp_path, "squares")
    assert data.features.shape == data.coarse.shape == (5, extractor.net.width)
    assert not data.features[-1].any()
    assert data.features[:4].any(axis=1).all()
    reads = pixels.reads
    again = field_data(cohort, pixels, extractor, tmp_path, "squares")
    assert pixels.reads == reads
    assert np.array_equal(again.features, data.features)
    assert again.key == data.key
    other = field_data(cohort, pixels, FieldExtractor(extractor.net, "other", "other"), tmp_path, "squares")
    assert pixels.reads > reads
    assert other.key != data.key
    reads = pixels.reads
    monkeypatch.setattr("mmdnet.slides.stores.features.FEATURE_VERSION", 99)
    assert field_data(cohort, pixels, extractor, tmp_path, "squares").key != data.key
    assert pixels.reads > reads


def test_one_scale_alone_costs_one_pass_and_two_that_are_there_serve_it(tmp_path, extractor):
    cohort, pixels = cohort_of(np.ones((5, 3), np.int8)), Squares(5)
    fine = field_data(cohort, pixels, extractor, tmp_path, "squares", scales=1)
    assert fine.coarse is None
    both = field_data(cohort, pixels, extractor, tmp_path, "squares")
    assert np.array_equal(both.features, fine.features) and both.key == fine.key
    reads = pixels.reads
    assert field_data(cohort, pixels, extractor, tmp_path, "squares", scales=1).coarse is not None
    assert pixels.reads == reads


def test_patches_set_aside_are_computed_where_they_are_asked_for(tmp_path, extractor):
    cohort, pixels = cohort_of(np.ones((5, 3), np.int8)), Squares(5)
    plain = field_data(cohort, pixels, extractor, tmp_path, "squares", scales=1)
    more = field_data(cohort, pixels, extractor, tmp_path, "squares", scales=1, ignored=True)
    assert more.key == plain.key and more.features[-1].any() and not plain.features[-1].any()
    assert np.allclose(more.features[:-1], plain.features[:-1], atol=1e-5)
    reads = pixels.reads
    again = field_data(cohort, pixels, extractor, tmp_path, "squares", scales=1, ignored=True)
    assert np.array_equal(again.features, more.features) and pixels.reads == reads


def test_other_grades_are_other_data_with_the_same_features(tmp_path, extractor):
    pixels = Squares(5)
    keys = {field_data(cohort_of(np.full((5, 3), g, np.int8)), pixels, extractor, tmp_path, "s").key for g in (0, 1)}
    assert len(keys) == 2
    assert pixels.reads == 2  # a sample by which the engine is chosen, then all at once


def test_random_batch_normalisation_is_fitted_to_the_patches(tmp_path):
    random = extractor_of("resnet10t.c3_in1k", patch_px=64)
    assert "fitted to the patches" in random.words and random.fits
    before = [norm.running_mean.clone() for norm in random.net.backbone.batch_norms()]
    cohort, pixels = cohort_of(np.ones((9, 3), np.int8)), Squares(9)
    data = field_data(cohort, pixels, random, tmp_path, "squares", scales=1)
    after = [norm.running_mean for norm in random.net.backbone.batch_norms()]
    assert not any(np.allclose(a, b) for a, b in zip(before, after, strict=True))
    anew = extractor_of("resnet10t.c3_in1k", patch_px=64)
    again = field_data(cohort, pixels, anew, tmp_path / "2", "squares", scales=1)
    assert np.array_equal(again.features, data.features)


def test_the_fastest_engine_gives_the_same_features_and_is_named(tmp_path, extractor, monkeypatch):
    cohort, pixels = cohort_of(np.ones((9, 3), np.int8)), Squares(9)
    plain = field_data(cohort, pixels, extractor, tmp_path, "squares")
    assert plain.engine == "torch"
    monkeypatch.setattr("mmdnet.nn.engines.WORTHWHILE", 1)
    monkeypatch.setattr("mmdnet.nn.engines._ms", lambda embedder, _: 1.0 if embedder.engine == "torch" else 0.5)
    fast = field_data(cohort, pixels, extractor, tmp_path / "fast", "squares")
    assert fast.engine.startswith("OpenVINO") and f"by {fast.engine}" in fast.extracted
    assert least_cosine(plain.features[:-1], fast.features[:-1]) >= LEAST_COSINE
    assert least_cosine(plain.coarse[:-1], fast.coarse[:-1]) >= LEAST_COSINE
    assert not fast.features[-1].any()


def test_what_does_not_fit_is_refused(tmp_path, extractor):
    with pytest.raises(LabError, match="not equally many"):
        field_data(cohort_of(np.ones((5, 3), np.int8)), Squares(4), extractor, tmp_path, "s")
    with pytest.raises(LabError, match="own weights"):
        extractor_of("demo", weights=tmp_path / "other.safetensors")
    with pytest.raises(LabError, match="nosuchnet"):
        extractor_of("nosuchnet")
