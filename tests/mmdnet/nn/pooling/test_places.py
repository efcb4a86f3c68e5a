"""Places beside means: a single cell is seen, and the feature stands behind the network's own."""

import pytest
import torch
from torch.nn import functional

from mmdnet.errors import LabError
from mmdnet.nn.backbones import TimmBackbone, create_backbone
from mmdnet.nn.pooling.places import HighestPlaces
from mmdnet.nn.registry import HIGHEST, MEAN, PLACE_POOLINGS, PlacePoolingEntry, add_place_pooling, place_pooling_entry

NETWORK = "mobilenetv3_small_050"


def test_of_each_channel_the_mean_and_the_highest_places_of_maps_brought_to_one_size():
    torch.manual_seed(0)
    fine, coarse = torch.rand(2, 3, 8, 8), torch.rand(2, 5, 4, 4)
    pooled = HighestPlaces()([fine, coarse])
    places = torch.cat([functional.max_pool2d(fine, 2), coarse], dim=1).flatten(2)
    highest = places.sort(dim=2).values[:, :, -4:].mean(dim=2)
    wanted = torch.cat([functional.layer_norm(part, (8,)) for part in (places.mean(dim=2), highest)], dim=1)
    torch.testing.assert_close(pooled, wanted)


@pytest.mark.parametrize(("rows", "halved"), [(13, 7), (37, 18)])
def test_however_a_network_halves_an_odd_side_a_cell_in_any_corner_is_seen(rows, halved):
    for row, column in ((0, 0), (rows - 1, rows - 1), (rows - 1, 0)):
        fine = torch.zeros(1, 2, rows, rows)
        fine[0, 1, row, column] = 1.0
        assert HighestPlaces()([fine, torch.zeros(1, 2, halved, halved)])[0, 4:].argmax() == 1


def test_one_cell_among_many_places_changes_the_highest_far_more_than_the_mean():
    plain = torch.rand(1, 16, 19, 19, generator=torch.Generator().manual_seed(0)) * 0.1
    cell = plain.clone()
    cell[0, 3, 8:10, 8:10] = 2.0
    before, after = HighestPlaces()([plain]), HighestPlaces()([cell])
    of_mean, of_highest = ((after - before)[0, part].abs().max() for part in (slice(0, 16), slice(16, 32)))
    assert after[0, 16:].argmax() == 3 and of_highest > 3  # 4 of 16 standard deviations are the most there can be
    assert (plain.mean(dim=(2, 3)) - cell.mean(dim=(2, 3))).abs().max() < 0.03 < of_mean


@pytest.mark.parametrize("side", [96, 100])
def test_the_networks_own_feature_stands_first_and_training_reaches_the_places(side):
    torch.manual_seed(0)
    placed = TimmBackbone(NETWORK, side, place_pooling=HIGHEST).eval()
    plain = TimmBackbone(NETWORK, side).eval()
    plain.net.load_state_dict(placed.net.state_dict())
    images = torch.rand(2, 3, side, side)
    seen, own = placed(images), plain(images)
    assert seen.shape == (2, placed.width) and placed.width > plain.width
    torch.testing.assert_close(seen[:, : plain.width], functional.layer_norm(own, own.shape[1:]))
    seen[:, plain.width :].square().sum().backward()
    assert placed.net.conv_stem.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "name, why", [("small", "pools its places itself"), ("vit_tiny_patch16_224", "has no maps of")]
)
def test_a_backbone_without_such_maps_is_refused_with_what_to_choose(name, why):
    with pytest.raises(LabError, match=f'{why}.*Choose the place pooling "mean"'):
        create_backbone(name, 224, place_pooling=HIGHEST)


def test_place_poolings_are_known_by_name_once():
    assert [entry.name for entry in PLACE_POOLINGS.values()] == list(PLACE_POOLINGS)
    assert list(PLACE_POOLINGS)[:2] == [MEAN, HIGHEST]
    with pytest.raises(ValueError, match="already"):
        add_place_pooling(PlacePoolingEntry(HIGHEST, "", None))
    with pytest.raises(LabError, match="Known are: mean, highest"):
        place_pooling_entry("largest")
