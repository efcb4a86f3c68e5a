"""A packaged backbone is known by its file: the network that is built of it is held to that."""

import pytest

from mmdnet.errors import LabError
from mmdnet.nn import engines
from mmdnet.nn.engines import features_sha256, packaged_sha256
from mmdnet.nn.packaged import packaged_weights
from mmdnet.nn.registry import HIGHEST
from mmdnet.workflows.slides.feature_store.extractor import Extractor

LITE0 = "efficientnet-lite0"


def test_what_the_file_says_is_what_the_network_is(monkeypatch):
    honest, built = engines.frozen_network, []
    monkeypatch.setattr(engines, "frozen_network", lambda *given: built.append(given) or honest(*given))
    known = Extractor.frozen(LITE0, 96)
    assert not built
    whole = Extractor.of(honest(LITE0, 96), known.device)
    assert (known.sha256, known.width, known.backbone, known.place_pooling) == (
        whole.sha256, whole.width, whole.backbone, whole.place_pooling,
    )  # fmt: skip
    assert features_sha256(known.net) == known.sha256 and known.net is known.net and len(built) == 1
    assert Extractor.frozen(LITE0, 96, place_pooling=HIGHEST).sha256 != known.sha256


def test_weights_that_were_exchanged_meanwhile_and_damaged_ones_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(engines, "packaged_sha256", lambda backbone, weights: "0" * 64)
    other = Extractor.frozen(LITE0, 96)
    with pytest.raises(LabError, match="exchanged while they were in use"):
        _ = other.net
    damaged = tmp_path / "weights.safetensors"
    damaged.write_bytes(packaged_weights(LITE0).read_bytes()[:1000])
    with pytest.raises(LabError, match="could not be read as safetensors"):
        packaged_sha256(LITE0, damaged)
