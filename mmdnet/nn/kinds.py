"""The names choices are made of; nothing heavy is imported here, so that forms and command lines open fast."""

from typing import Literal

SMALL = "small"  # our own backbone for two CPU cores
PAPER_BACKBONES: dict[str, str] = {
    "VGG16": "vgg16.tv_in1k",
    "ResNet50": "resnet50.a1_in1k",
    "MobileNetV3": "mobilenetv3_large_100.ra_in1k",
    "ViT-B/32": "vit_base_patch32_224.augreg_in21k_ft_in1k",
    "ConvNeXt-T": "convnext_tiny.fb_in1k",
    "Swin-T": "swin_tiny_patch4_window7_224.ms_in1k",
}
"""The paper's six, as timm calls them."""

HeadKind = Literal["ce", "corn"]
AttentionRule = Literal["relative_max", "mean"]
ReversalMode = Literal["relative", "hashimoto", "uniform", "loss_attention"]
