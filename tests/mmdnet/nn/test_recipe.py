import pytest
import torch
from pydantic import ValidationError

from mmdnet.nn.backbones import build_backbone
from mmdnet.nn.recipe import ORIGIN, Recipe, origin_of

PLAIN = {"network": "test_vit", "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "input_px": 64}


@pytest.mark.parametrize(
    "wrong",
    [
        {"network": "hf-hub:a/b"},
        {"network": "local-dir:/tmp"},
        {"arguments": {"pretrained": True}},
        {"arguments": {"pretrained_cfg": "x"}},
        {"arguments": {"depth": 65}},
        {"arguments": {"depth": 0}},
        {"arguments": {"patch_size": 1}},
        {"arguments": {"reg_tokens": 16_384}},
        {"arguments": {"mlp_ratio": float("nan")}},
        {"arguments": {"depth": 64, "embed_dim": 4096}},  # each within its bounds, and 17e9 weights together
        {"arguments": {"img_size": 1024, "patch_size": 4}},
        {"arguments": {"depth": "4"}},
        {"arguments": {"mlp_layer": "Sequential"}},
        {"arguments": {"global_pool": "os.system"}},
        {"std": (0, 1, 1)},
        {"input_px": 0},
        {"um_per_px": float("nan")},
    ],
)
def test_what_comes_with_a_file_may_only_shape_a_network(wrong):
    with pytest.raises(ValidationError):
        Recipe(**PLAIN | wrong)


@pytest.mark.parametrize(
    "given",
    [
        {"img_size": 224, "patch_size": 14, "depth": 40, "num_heads": 24, "embed_dim": 1536, "mlp_ratio": 5.33334},
        {"img_size": 224, "patch_size": 14, "init_values": 1e-5, "mlp_ratio": 5.3375, "reg_tokens": 4},
        {"img_size": 518, "patch_size": 14, "depth": 48, "embed_dim": 1664, "num_heads": 16},
        {"img_size": None, "dynamic_img_size": True},
    ],
)
def test_the_sizes_of_public_encoders_pass(given):
    assert Recipe(**PLAIN, arguments=given).arguments == given


def test_class_token_and_mean_stand_side_by_side_as_virchow_has_them():
    arguments = {"img_size": 64, "reg_tokens": 2, "global_pool": "", "mlp_layer": "SwiGLUPacked", "act_layer": "silu"}
    recipe = Recipe(**PLAIN, arguments=arguments, tokens="class_and_mean")
    backbone = build_backbone("mine", 299, recipe).eval()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        feature, tokens = backbone(images), backbone.inner(images)
    assert backbone.width == 128 and torch.allclose(feature[:, :64], tokens[:, 0])
    assert torch.allclose(feature[:, 64:], tokens[:, 3:].mean(1))  # behind the class token and two registers
    assert backbone.feature_map(images).shape == (2, 64, 4, 4)


def test_a_damaged_record_is_none(tmp_path):
    assert origin_of(tmp_path / "weights.safetensors") is None
    (tmp_path / ORIGIN).write_bytes(b"\xff{")
    assert origin_of(tmp_path / "weights.safetensors") is None
