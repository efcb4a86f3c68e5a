import subprocess
import sys

import pytest

from mmdnet.nn.backbones import SmallConvNet
from mmdnet.nn.registry import BACKBONES, GATED_ATTENTION, POOLINGS, SMALL, load
from mmdnet.settings import PROJECT_ROOT


def test_every_entry_is_known_by_its_name_and_says_where_its_weights_come_from():
    assert [entry.name for entry in BACKBONES.values()] == list(BACKBONES)
    assert {"VGG16", "ResNet50", "MobileNetV3", "ViT-B/32", "ConvNeXt-T", "Swin-T"} < set(BACKBONES)
    assert all(entry.title and entry.weights for entry in BACKBONES.values())
    assert [entry.name for entry in POOLINGS.values()] == list(POOLINGS)
    assert GATED_ATTENTION in POOLINGS


def test_the_paper_s_networks_are_normalised_as_their_weights_were_trained():
    import timm

    for entry in BACKBONES.values():
        if entry.timm:
            known = timm.get_pretrained_cfg(entry.timm)
            assert (entry.mean, entry.std) == (known.mean, known.std), entry.name


def test_a_class_named_by_its_module_is_loaded():
    assert load(BACKBONES[SMALL].factory) is SmallConvNet
    assert load(SmallConvNet) is SmallConvNet


def test_the_tables_themselves_cannot_be_written():
    with pytest.raises(TypeError):
        BACKBONES["x"] = None


def test_the_registry_is_read_without_torch():
    code = "import sys, mmdnet.nn.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT).returncode == 0
