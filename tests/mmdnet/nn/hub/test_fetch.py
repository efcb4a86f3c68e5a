"""Weights from a hub on this machine: whole and as their record says, or a sentence and nothing there."""

import errno
import json
import shutil
from collections import namedtuple

import pytest
import timm
import torch
from safetensors.torch import load_file, save

from mmdnet.errors import LabError
from mmdnet.experiments.field.data import extractor_of
from mmdnet.files import sha256_of
from mmdnet.nn.backbones import create_backbone
from mmdnet.nn.hub.fetch import fetch, fetched_weights, take_folder, usable_weights
from mmdnet.nn.recipe import origin_of
from tests.hub_stub import COMMIT, Repository, hub

MEAN, STD = [0.7, 0.6, 0.7], [0.2, 0.25, 0.2]


def config(**other) -> bytes:
    images = {"mean": MEAN, "std": STD, "input_size": [3, 64, 64], "fixed_input_size": True}
    said = {"architecture": "test_vit", "num_classes": 7, "model_args": {"img_size": 64}, "pretrained_cfg": images}
    return json.dumps(said | other).encode()


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    return timm.create_model("test_vit", num_classes=7, img_size=64).eval()


@pytest.fixture(scope="module")
def there(network):
    """A hub with one good repository, a/b."""
    with hub() as served:
        served.repositories["a/b"] = Repository(
            {"config.json": config(), "model.safetensors": save(network.state_dict())}
        )
        yield served


def fetched(there, place, repository: Repository | None = None, name: str = "a/b", **more):
    """Fetch from another repository in its place."""
    before = there.repositories.get(name)
    if repository is not None:
        there.repositories[name] = repository
    try:
        return fetch(name, place, patch_px=96, endpoint=there.address, **more)
    finally:
        if before is not None:
            there.repositories[name] = before


def test_a_folder_that_was_downloaded_elsewhere_answers_alike_and_nobody_is_asked(there, network, tmp_path):
    folder, place, asked = tmp_path / "uni", tmp_path / "place", len(there.asked)
    folder.mkdir()
    (folder / "config.json").write_bytes(config())
    with pytest.raises(LabError, match="holds no weights"):
        take_folder("UNI", folder, place, patch_px=96)
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(LabError, match="never opened here"):
        take_folder("UNI", folder, place, patch_px=96)
    (folder / "model.safetensors").write_bytes(save(network.state_dict()))
    with pytest.raises(LabError, match="cannot be read"):
        take_folder("UNI", tmp_path / "gone", place, patch_px=96)
    assert usable_weights("small", place) is None and fetched_weights("a/b", place) is None
    with pytest.raises(LabError, match="mmdnet backbones get a/b"):
        usable_weights("a/b", place)
    origin = take_folder("a/b", folder, place, patch_px=96)
    weights = usable_weights("a/b", place)
    assert origin.words.startswith("a folder on this machine")
    assert len(there.asked) == asked
    from_hub = fetched(there, tmp_path / "hub")
    assert load_file(weights).keys() == load_file(fetched_weights("a/b", tmp_path / "hub")).keys()
    assert (origin.recipe, origin.weights_sha256) == (from_hub.recipe, from_hub.weights_sha256)
    extractor = extractor_of("a/b", weights, 96)
    assert extractor.net.embed(torch.zeros(2, 3, 96, 96, dtype=torch.uint8)).shape == (2, extractor.net.width)


def test_what_was_fetched_answers_as_the_hubs_network_does_and_says_what_it_is(there, network, tmp_path):
    steps = []
    origin = fetched(there, tmp_path, progress=lambda share, said, /, **_: steps.append((share, said)))
    weights = fetched_weights("a/b", tmp_path)
    assert (origin.licence, origin.revision, origin.hub_id) == ("apache-2.0", COMMIT, "a/b")
    assert origin.weights_sha256 == sha256_of(weights) and origin == origin_of(weights)
    assert not any(key.startswith("head.") for key in load_file(weights))
    assert [share for share, _ in steps] == sorted(share for share, _ in steps) and steps[-1][0] == 1
    ours = create_backbone("a/b", 96, weights).eval()
    (tmp_path / "other").mkdir()
    shutil.copytree(weights.parent, tmp_path / "other" / "a--b")
    (tmp_path / "other" / "a--b" / weights.name).write_bytes(weights.read_bytes()[:-4] + b"abcd")
    with pytest.raises(LabError, match="no longer those that were fetched"):
        fetched_weights("a/b", tmp_path / "other")
    assert (ours.mean, ours.std, ours.input_px) == (tuple(MEAN), tuple(STD), 64)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        theirs = network.forward_head(network.forward_features(images), pre_logits=True)
        assert torch.allclose(ours(images), theirs, atol=1e-6) and theirs.std() > 0.1


BAD = {
    "gated": (Repository({}, token="x"), "lets people in one by one.*HF_TOKEN"),
    "forbidden": (Repository({}, refuses=403), r"does not take this token \(403\)"),
    "down": (Repository({}, refuses=500), r"answered with an error \(500\)"),
    "pickle": (Repository({"config.json": b"{}", "pytorch_model.bin": b"\x80"}), "only as a pickle.*never opened"),
    "nothing": (Repository({"README.md": b""}), "holds no weights"),
    "parts": (Repository({"a-1.safetensors": b"", "a-2.safetensors": b""}), "in 2 files"),
    "damaged": (Repository({"config.json": config(), "model.safetensors": b"not this"}), "could not be read"),
    "no config": (Repository({"model.safetensors": b"x"}), "lacks a file"),
    "address": (
        Repository({"config.json": config(architecture="hf-hub:x/y"), "model.safetensors": b"x"}),
        "does not describe a network of timm|no backbone called",
    ),
    "argument": (
        Repository({"config.json": config(model_args={"checkpoint_path": "/x"}), "model.safetensors": b"x"}),
        "checkpoint_path is no argument",
    ),
    "too large": (
        Repository({"config.json": config(model_args={"depth": 10**9}), "model.safetensors": b"x"}),
        "depth cannot be",
    ),
    "no network": (
        Repository({"config.json": config(architecture="no_such_network"), "model.safetensors": b"x"}),
        "could not be read|no backbone called",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_fetched_gets_a_sentence_and_leaves_nothing(there, tmp_path, case):
    repository, sentence = BAD[case]
    with pytest.raises(LabError, match=rf"a/b was not fetched.*({sentence}).*Nothing was changed\.$"):
        fetched(there, tmp_path, repository)
    assert list(tmp_path.rglob("*")) == []


def test_a_gated_one_comes_with_the_token_of_the_machine(there, network, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    good = there.repositories["a/b"].files
    assert fetched(there, tmp_path, Repository(good, token="hf_mine")).backbone == "a/b"


def test_another_network_or_another_file_than_the_hub_says_is_refused(there, network, tmp_path):
    good = there.repositories["a/b"].files
    other = save(timm.create_model("test_resnet", num_classes=7).state_dict())
    with pytest.raises(LabError, match="do not fit the backbone"):
        fetched(there, tmp_path, Repository(good | {"model.safetensors": other}))
    whole = good["model.safetensors"]
    with pytest.raises(LabError, match="SHA-256 differs"):
        fetched(there, tmp_path, Repository(good, swapped=whole[:-1] + bytes([whole[-1] ^ 1])))
    holes = {key: torch.full_like(value, torch.nan) for key, value in network.state_dict().items()}
    with pytest.raises(LabError, match="no finite features"):
        fetched(there, tmp_path, Repository(good | {"model.safetensors": save(holes)}))
    assert list(tmp_path.rglob("*")) == []


def test_a_line_that_breaks_leaves_what_was_there(there, tmp_path, monkeypatch):
    fetched(there, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    with pytest.raises(LabError, match=r"does not answer, or broke off|only in part"):
        fetched(there, tmp_path, Repository(there.repositories["a/b"].files, cut=1000))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_hub_that_does_not_answer_or_does_not_know_it(there, tmp_path):
    with pytest.raises(LabError, match=r"does not answer.*internet connection"):
        fetch("a/b", tmp_path, endpoint="http://127.0.0.1:9")
    with pytest.raises(LabError, match="knows no a/none"):
        fetched(there, tmp_path, name="a/none")
    with pytest.raises(LabError, match=r"no backbone called \.\./x.*Known are: .*ViT-B/32.*UNI"):
        fetch("../x", tmp_path, endpoint=there.address)
    with pytest.raises(LabError, match="CONCH cannot be fetched: its weights are no network of timm's"):
        fetch("conch", tmp_path, endpoint=there.address)
    assert list(tmp_path.rglob("*")) == []


def test_a_full_disk_is_told_before_and_while_it_comes(there, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 300 * 2**20))
    assert fetched(there, tmp_path).backbone == "a/b"
    shutil.rmtree(tmp_path / "a--b")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 257 * 2**20))
    with pytest.raises(LabError, match=r"takes 2 MiB while it is made, and the lab's disk has 1 MiB to spare"):
        fetched(there, tmp_path)
    monkeypatch.undo()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(LabError, match="the lab's disk is full"):
        fetched(there, tmp_path)
    assert list(tmp_path.rglob("*")) == []


def test_what_a_killed_fetch_left_goes_with_the_next_one(there, tmp_path):
    (tmp_path / ".a--b.999999999.1").mkdir()
    fetched(there, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a--b"]
