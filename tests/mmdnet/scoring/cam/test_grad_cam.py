import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmdnet.errors import LabError
from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.scoring.cam.grad_cam import bag_cam

PX = 96


def a_model(head="corn", backbone="small", px=PX):
    torch.manual_seed(1)
    return MMDNet(Architecture(backbone=backbone, patch_px=px, head=head, projection=16, attention_hidden=8)).eval()


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    return np.stack(
        [cv2.GaussianBlur(random.integers(0, 256, (PX, PX, 3), dtype=np.uint8), (0, 0), 5) for _ in range(5)]
    )


def by_hand(model, images, task, grade):
    """Grad-CAM++ written out, for an ordinal head: float64, no constant, on the bag's size times the step's logit."""
    kept = {}
    handle = model.backbone.cam_layer.register_forward_hook(lambda _, __, out: kept.update(maps=out))
    h = model.embed(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255)[None]
    output = model.from_features(h, torch.ones(h.shape[:2], dtype=torch.bool))
    handle.remove()
    target = output.logits[task][0, grade - 1] * len(images)
    maps = kept["maps"]
    grads = torch.autograd.grad(target, maps)[0].double()
    maps = maps.detach().double()
    alpha = torch.where(grads != 0, 1 / (2 + maps.sum((2, 3), keepdim=True) * grads), 0)
    weights = (alpha * grads.relu()).sum((2, 3), keepdim=True)
    cam = (weights * maps).sum(1).relu().detach()
    cam = cam - cam.amin((1, 2), keepdim=True)
    cam = cam / cam.amax((1, 2), keepdim=True).clamp(min=1e-7)
    attention = output.attention[task][0].detach()
    cam = cam * (attention / attention.max())[:, None, None]
    return F.interpolate(cam[None].float(), size=(PX, PX), mode="bilinear", align_corners=False)[0].numpy()


def test_the_librarys_map_is_the_one_written_out_by_hand(images):
    model = a_model()
    heat = bag_cam(model, images, "inflammation", grade=2).heat
    assert heat == pytest.approx(by_hand(model, images, "inflammation", 2), abs=0.03)  # the two resize differently


def test_a_patch_is_as_hot_as_its_attention(images):
    cam = bag_cam(a_model(), images, "steatosis")
    assert cam.heat.shape == (5, PX, PX)
    assert cam.attention.sum() == pytest.approx(1, abs=1e-5)
    hottest = cam.heat.max(axis=(1, 2))
    assert hottest == pytest.approx(cam.attention / cam.attention.max(), abs=0.05)
    assert cam.heat.min() >= 0


def test_the_size_of_the_bag_does_not_change_the_map_of_its_patches(images):
    model = a_model()
    once = bag_cam(model, images[:1], "steatosis", grade=1)
    tenfold = bag_cam(model, np.repeat(images[:1], 10, axis=0), "steatosis", grade=1)
    assert tenfold.heat[3] == pytest.approx(once.heat[0], abs=0.02)


@pytest.mark.parametrize("head", ["ce", "corn"])
def test_the_target_is_the_step_up_to_the_grade(images, head):
    model = a_model(head)
    with torch.inference_mode():
        logits = model(torch.from_numpy(images).permute(0, 3, 1, 2)[None], torch.ones(1, 5, dtype=torch.bool)).logits
    row = logits["steatosis"][0]
    wanted = row[1] if head == "corn" else row[2] - row[1]
    assert bag_cam(model, images, "steatosis", grade=2).margin == pytest.approx(float(wanted), abs=1e-5)


def test_the_model_is_left_without_gradients(images):
    model = a_model()
    bag_cam(model, images[:2], "steatosis")
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_grade_or_task_that_is_not_there_is_refused(images):
    with pytest.raises(LabError, match="does not grade colour"):
        bag_cam(a_model(), images, "colour")
    with pytest.raises(LabError, match="grades 1 to 2 of ballooning, not for 3"):
        bag_cam(a_model(), images, "ballooning", grade=3)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["ConvNeXt-T", "Swin-T", "ViT-B/32", "VGG16", "MobileNetV3", "ResNet50"])
def test_every_backbone_of_the_paper_has_a_map(backbone):
    image = np.random.default_rng(0).integers(0, 256, (2, 299, 299, 3), dtype=np.uint8)
    cam = bag_cam(a_model(backbone=backbone, px=299), image, "steatosis")
    assert cam.heat.shape == (2, 299, 299)
    assert np.isfinite(cam.heat).all()
    assert cam.heat.max() > 0.5


@pytest.mark.parametrize("layer", ["head", "tuple"])
def test_a_backbone_without_a_map_of_places_is_refused_in_a_sentence(images, layer, monkeypatch):
    model = a_model()
    if layer == "tuple":
        wrapped = torch.nn.Identity()
        wrapped.register_forward_hook(lambda _, __, out: (out,))
        stages = torch.nn.Sequential(*model.backbone.stages, wrapped)
        monkeypatch.setattr(type(model.backbone), "cam_layer", property(lambda self: stages[-1]))
        monkeypatch.setattr(model.backbone, "feature_map", lambda x: stages(x)[0])
    else:
        monkeypatch.setattr(type(model.backbone), "cam_layer", property(lambda self: model.head("steatosis").project))
    with pytest.raises(LabError, match="The backbone small has no map of places that Grad-CAM"):
        bag_cam(model, images[:1], "steatosis")
