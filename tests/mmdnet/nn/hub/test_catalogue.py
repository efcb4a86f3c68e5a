import pytest
import timm

from mmdnet.errors import LabError
from mmdnet.nn.hub.catalogue import PATHOLOGY, catalogue, hub_entry
from mmdnet.nn.recipe import Recipe


def test_the_registrys_networks_of_timm_are_fetched_from_where_timm_publishes_them():
    of_timm = [entry for entry in catalogue().values() if entry.hub_id.startswith("timm/")]
    papers = {"VGG16", "ResNet50", "MobileNetV3", "ViT-B/32", "ConvNeXt-T", "Swin-T"}
    assert papers <= {entry.name for entry in of_timm}
    for entry in of_timm:
        known = timm.get_pretrained_cfg(entry.hub_id.removeprefix("timm/"))
        assert known.hf_hub_id == entry.hub_id


def test_what_is_passed_for_an_encoder_is_what_a_recipe_takes():
    for entry in PATHOLOGY:
        recipe = Recipe(
            network="vit_large_patch16_224", arguments=dict(entry.arguments), mean=(0, 0, 0), std=(1, 1, 1),
            tokens=entry.tokens,
        )  # fmt: skip
        assert recipe.arguments == entry.arguments


def test_a_name_is_found_however_it_is_written():
    assert hub_entry("uni2-H").name == hub_entry("hf-hub:MahmoodLab/UNI2-h").name == "UNI2-h"
    assert hub_entry("somebody/some_net").hub_id == "somebody/some_net"
    for bad in ("", "nothing", "a/b/c", "/a", "a/..", "../a", "a b/c"):
        with pytest.raises(LabError, match="no backbone called"):
            hub_entry(bad)
