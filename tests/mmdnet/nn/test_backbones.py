import pytest
import torch
from safetensors.torch import save_file

from mmdnet.errors import LabError
from mmdnet.nn.backbones import create_backbone


def _at_299(name: str) -> None:
    backbone = create_backbone(name).eval()
    images = torch.randn(1, 3, 299, 299)
    with torch.no_grad():
        features, last = backbone(images), backbone.feature_map(images)
    assert features.shape == (1, backbone.width)
    assert last.ndim == 4
    assert last.shape[0] == 1
    assert 8 <= last.shape[2] == last.shape[3] <= 19
    assert backbone.cam_layer in list(backbone.modules())


@pytest.mark.parametrize("name", ["small", "test_convnext"])
def test_a_small_backbone_takes_299_px(name):
    _at_299(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "width"),
    [
        ("VGG16", 512),
        ("ResNet50", 2048),
        ("MobileNetV3", 1280),
        ("ViT-B/32", 768),
        ("ConvNeXt-T", 768),
        ("Swin-T", 768),
    ],
)
def test_each_of_the_papers_backbones_takes_299_px(name, width):
    _at_299(name)
    assert create_backbone(name).width == width


def test_batch_normalisation_keeps_its_stored_statistics_in_training():
    backbone = create_backbone("test_resnet").train()
    assert backbone.training
    norms = backbone.batch_norms()
    before = [norm.running_mean.clone() for norm in norms]
    backbone(torch.randn(2, 3, 299, 299))
    assert norms
    assert not any(norm.training for norm in norms)
    assert all(torch.equal(a, norm.running_mean) for a, norm in zip(before, norms, strict=True))


def test_the_default_backbone_has_no_batch_normalisation():
    assert create_backbone("small").batch_norms() == []


def test_weights_of_a_file_are_taken(tmp_path):
    torch.manual_seed(0)
    donor = create_backbone("small")
    save_file(donor.state_dict(), tmp_path / "w.safetensors")
    torch.manual_seed(1)
    taken = create_backbone("small", weights=tmp_path / "w.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(donor.state_dict().values(), taken.state_dict().values(), strict=True))


@pytest.mark.parametrize("content", [b"no weights", b""])
def test_damaged_weights_are_refused(tmp_path, content):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(LabError, match="could not be read"):
        create_backbone("small", weights=tmp_path / "w.safetensors")


def test_weights_of_another_network_are_refused(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "w.safetensors")
    with pytest.raises(LabError, match="do not fit"):
        create_backbone("small", weights=tmp_path / "w.safetensors")


def test_an_unknown_backbone_is_refused_by_name():
    with pytest.raises(LabError, match="no backbone called"):
        create_backbone("resnet_of_dreams")


def test_a_transformers_weights_of_another_image_size_are_fitted_as_timm_fits_them(tmp_path):
    """Published at 224 px; patches here are 299."""
    import timm
    from timm.models.vision_transformer import checkpoint_filter_fn

    published = timm.create_model("test_vit", num_classes=3).state_dict()  # 160 px
    save_file(published, tmp_path / "w.safetensors")
    ours = create_backbone("test_vit", 96, tmp_path / "w.safetensors")
    theirs = checkpoint_filter_fn(dict(published), timm.create_model("test_vit", num_classes=0, img_size=96))
    assert ours.inner.pos_embed.shape[1] == 1 + 6 * 6
    assert torch.allclose(ours.inner.pos_embed, theirs["pos_embed"])
