"""Another engine computes only where its features are torch's, and its telemetry is never loaded."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from mmdnet.nn import engines
from mmdnet.nn.card import Architecture
from mmdnet.nn.engines import (
    TORCH,
    WORTHWHILE,
    Embedder,
    all_records,
    compare,
    embedder_for,
    features_sha256,
    least_cosine,
    openvino_version,
    torch_embedder,
)
from mmdnet.nn.mmdnet import MMDNet

SIDE = 64


@pytest.fixture(scope="module")
def net() -> MMDNet:
    torch.manual_seed(0)
    return MMDNet(Architecture(patch_px=SIDE)).eval()


@pytest.fixture(scope="module")
def sample() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), np.uint8)


@pytest.fixture
def quicker(monkeypatch) -> None:
    """Stands for a machine on which torch is the slower one, whatever else runs beside this test."""
    monkeypatch.setattr(engines, "_ms", lambda embedder, sample: 9.0 if embedder.engine == TORCH else 1.0)


def test_openvino_gives_torchs_features_and_is_remembered(net, sample, tmp_path, quicker, monkeypatch):
    chosen = embedder_for(net, "cpu", WORTHWHILE, sample, tmp_path)
    alone = f"OpenVINO {openvino_version()}"
    assert chosen.engine in (alone, f"{alone} bf16")  # in half precision where the processor computes so
    more = np.random.default_rng(1).integers(0, 256, (7, SIDE, SIDE, 3), np.uint8)  # another number of patches
    assert least_cosine(torch_embedder(net).embed(more), chosen.embed(more)) > 0.9999
    (record,) = all_records(tmp_path)
    assert record.chosen == chosen.engine and record.cosine[chosen.engine] > 0.9999 and record.patches == len(sample)
    assert chosen.engine in record.words and "9 ms" in record.words

    monkeypatch.setattr(engines, "compare", lambda *given: pytest.fail("measured a second time"))
    assert embedder_for(net, "cpu", WORTHWHILE, sample, tmp_path).engine == chosen.engine


def test_few_patches_and_gpus_are_torchs(net, sample, tmp_path):
    assert embedder_for(net, "cpu", WORTHWHILE - 1, sample, tmp_path).engine == TORCH
    assert embedder_for(net, "mps", WORTHWHILE, sample, tmp_path).engine == TORCH
    assert not all_records(tmp_path)


def test_without_openvino_torch_computes(net, sample, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "openvino_version", lambda: None)
    assert embedder_for(net, "cpu", WORTHWHILE, sample, tmp_path).engine == TORCH


def test_a_network_that_openvino_refuses_is_torchs_and_not_asked_again(net, sample, tmp_path, monkeypatch):
    asked = []

    def refuse(*given):
        asked.append(given)
        raise RuntimeError("no such operation")

    monkeypatch.setattr(engines, "_converted", refuse)
    assert embedder_for(net, "cpu", WORTHWHILE, sample, tmp_path).engine == TORCH
    assert embedder_for(net, "cpu", WORTHWHILE, sample, tmp_path).engine == TORCH
    assert len(asked) == 1 and "does not take" in all_records(tmp_path)[0].words


def test_another_result_is_refused_however_fast(net, sample, quicker):
    plain = torch_embedder(net)
    wrong = Embedder("wrong", lambda images: plain.embed(images) + np.linspace(0, 0.1, net.width, dtype=np.float32))
    broken = Embedder("broken", lambda images: np.full((len(images), net.width), np.nan, np.float32))
    chosen, record = compare(net, plain, [wrong, broken], sample)
    assert chosen.engine == record.chosen == TORCH and record.cosine["broken"] == 0
    assert "other features" in record.reason


def test_the_slower_of_two_equals_is_not_taken(net, sample, monkeypatch):
    monkeypatch.setattr(engines, "_ms", lambda embedder, sample: 1.0 if embedder.engine == TORCH else 9.0)
    plain = torch_embedder(net)
    assert compare(net, plain, [Embedder("slow", plain.embed)], sample)[0].engine == TORCH


def test_a_damaged_record_is_measured_anew(net, sample, tmp_path, quicker):
    embedder_for(net, "cpu", WORTHWHILE, sample, tmp_path)
    (file,) = tmp_path.glob("*.json")
    file.write_text("{")
    assert not all_records(tmp_path)
    embedder_for(net, "cpu", WORTHWHILE, sample, tmp_path)
    assert len(all_records(tmp_path)) == 1


def test_features_are_the_backbones_whatever_the_heads(net):
    other = MMDNet(Architecture(patch_px=SIDE))
    other.backbone.load_state_dict(net.backbone.state_dict())
    assert features_sha256(other) == features_sha256(net)
    with torch.no_grad():
        next(other.backbone.parameters()).add_(1e-3)
    assert features_sha256(other) != features_sha256(net)
    same_weights = MMDNet(Architecture(patch_px=SIDE, mean=(0.1, 0.1, 0.1)))
    same_weights.backbone.load_state_dict(net.backbone.state_dict())
    assert features_sha256(same_weights) != features_sha256(net)


def test_openvinos_telemetry_is_never_loaded():
    code = (
        "import sys; from mmdnet.nn.engines import _openvino; _openvino(); import openvino.tools.ovc as ovc; "
        "print(type(ovc.telemetry).__module__, sys.modules['openvino_telemetry'])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["openvino.tools.ovc.telemetry_stub", "None"]
