"""Only whole folders of safetensors are taken, and each other one is told why it is not."""

import json
import shutil

import pytest

from mmdnet.augment.weights_folder import UNSTATED, examine_folder, licence_of
from mmdnet.errors import LabError


@pytest.fixture
def folder(weights, tmp_path):
    return shutil.copytree(weights, tmp_path / "sd")


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_whole_folder_says_what_it_is(weights):
    seen = examine_folder(weights)
    assert (seen.prediction_type, seen.scheduler, seen.side_px, seen.licence, seen.variant) == (
        "v_prediction", "DDIMScheduler", 64, "openrail++", "",
    )  # fmt: skip
    assert {len(hashes[0]) for hashes in seen.sha256().values()} == {64} and not seen.has_safety_checker


def rename_weights(folder, part, name):
    (path,) = (folder / part).glob("*.safetensors")
    path.rename(path.with_name(name))


WRONG = {
    "half a file": (lambda f: cut(f / "unet" / "diffusion_pytorch_model.safetensors"), "only part of a file"),
    "weights missing": (lambda f: (f / "vae" / "diffusion_pytorch_model.safetensors").unlink(), "vae are missing"),
    "index missing": (lambda f: (f / "model_index.json").unlink(), "model_index.json is missing"),
    "scheduler missing": (lambda f: shutil.rmtree(f / "scheduler"), "scheduler_config.json is missing"),
    "pickle": (lambda f: rename_weights(f, "unet", "diffusion_pytorch_model.bin"), "as a pickle"),
    "other pipeline": (lambda f: edit(f / "model_index.json", _class_name="StableDiffusionXLPipeline"), "XLPipeline"),
    "inpainting": (lambda f: edit(f / "unet" / "config.json", in_channels=9), "takes 9 channels"),
    "no JSON": (lambda f: (f / "vae" / "config.json").write_text("{"), "damaged"),
    "a list": (lambda f: (f / "model_index.json").write_text("[]"), "says nothing of a network"),
    "shard missing": (lambda f: shard(f / "unet"), "shard.safetensors is missing"),
}


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


def shard(unet):
    (unet / "diffusion_pytorch_model.safetensors").unlink()
    index = {"weight_map": {"a": "shard.safetensors"}}
    (unet / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_used_is_said_in_a_sentence(folder, name):
    spoil, said = WRONG[name]
    spoil(folder)
    with pytest.raises(LabError, match=said) as refused:
        examine_folder(folder)
    assert "Nothing was started" in str(refused.value)


def test_a_single_file_or_nothing_is_no_folder(tmp_path):
    (tmp_path / "v2-1.ckpt").write_bytes(b"")
    with pytest.raises(LabError, match="single file"):
        examine_folder(tmp_path / "v2-1.ckpt")
    with pytest.raises(LabError, match="There is no folder"):
        examine_folder(tmp_path / "away")


def test_half_precision_files_are_found_where_there_are_no_others(folder):
    for part, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        rename_weights(folder, part, f"{stem}.fp16.safetensors")
    (folder / "safety_checker").mkdir()
    seen = examine_folder(folder)
    assert seen.variant == "fp16" and seen.has_safety_checker


def test_the_licence_comes_from_readme_or_licence_file_or_is_not_stated(folder):
    (folder / "README.md").write_text("no head")
    assert licence_of(folder) == UNSTATED
    (folder / "LICENSE.txt").write_text("\n  Open RAIL++-M \nmore\n")
    assert licence_of(folder) == "Open RAIL++-M"
