import subprocess
import sys
from typing import Literal, get_args, get_origin

import pytest

from mmdnet.errors import LabError
from mmdnet.nn.card import read_card
from mmdnet.settings import PROJECT_ROOT
from mmdnet.training.config import (
    GROUPS,
    PRESETS,
    TrainingConfig,
    describe,
    preset_value,
    read_config,
    training_options,
)


def small(**more) -> TrainingConfig:
    return TrainingConfig(backbone="small", **more)


def test_the_defaults_start_from_weights_that_come_with_the_program_on_whatever_is_there():
    assert (TrainingConfig().backbone, TrainingConfig().device, TrainingConfig().preset) == (
        "efficientnet-lite0",
        "auto",
        "product",
    )


def test_the_papers_preset_is_the_paper_and_a_choice_beside_it_wins():
    paper = read_config({"preset": "paper", "backbone": "Swin-T"})
    assert (paper.head, paper.domain_key, paper.reversal, paper.aux_instance_weight) == ("ce", "slide", "hashimoto", 0)
    assert paper.backbone == "Swin-T"


@pytest.mark.parametrize("given", [{"epoch": 3}, {"epochs": 0}, {"head": "svm"}, {"epochs": 2, "warm_up_epochs": 3}])
def test_a_misspelt_or_impossible_choice_is_refused(given):
    with pytest.raises(LabError, match="training choice"):
        read_config(given)


def test_a_backbone_with_weights_learns_slowly():
    assert small().backbone_rate > 10 * small(weights="w.safetensors").backbone_rate
    assert TrainingConfig().backbone_rate == small(weights="w.safetensors").backbone_rate
    assert TrainingConfig(lr_backbone=0.5).backbone_rate == 0.5


def test_a_backbone_from_scratch_warms_up_for_half_of_the_epochs_and_one_with_weights_does_not():
    assert [small(epochs=epochs).warm_up for epochs in (1, 2, 30)] == [0, 1, 15]
    assert small(weights="w.safetensors").warm_up == TrainingConfig().warm_up == 0
    assert TrainingConfig(warm_up_epochs=3).warm_up == 3
    assert read_config({"preset": "paper"}).warm_up == 0


@pytest.mark.parametrize(
    ("given", "device", "mode"),
    [
        ({}, "cpu", "fast"),
        ({}, "cuda", "full"),
        ({"mode": "full"}, "cpu", "full"),
        ({"mode": "fast"}, "cuda", "fast"),
        ({"backbone": "small"}, "cpu", "full"),
        ({"backbone": "small", "weights": "w.safetensors"}, "cpu", "full"),
        ({"backbone": "ResNet50", "weights": "w.safetensors"}, "cpu", "fast"),
        ({"preset": "paper"}, "cpu", "full"),
    ],
)
def test_a_pretrained_backbone_is_frozen_on_a_processor_unless_chosen_otherwise(given, device, mode):
    assert read_config(given).mode_on(device) == mode


def test_a_backbone_that_comes_with_weights_is_not_warmed_up_without_labels():
    with pytest.raises(LabError, match="or another backbone"):
        read_config({"pretrain_epochs": 3})
    assert read_config({"pretrain_epochs": 3, "backbone": "small"}).pretrain_epochs == 3


@pytest.mark.parametrize(("old", "new", "value"), [("patches_at_once", "microbatch_size", 4), ("as_they_come", "unsteered_fraction", 0.2)])  # fmt: skip
def test_former_names_are_still_read(old, new, value):
    assert getattr(read_config({old: value}), new) == value
    assert getattr(read_config({old: str(value)}), new) == value  # as --set gives it
    with pytest.raises(LabError, match=f"{old} is the former name of {new}"):
        read_config({old: value, new: value})


def test_the_choices_of_the_card_that_comes_with_the_program_are_still_read():
    choices = read_card(PROJECT_ROOT / "models" / "demo").choices
    config = read_config(choices)
    assert (config.unsteered_fraction, config.microbatch_size) == (choices["as_they_come"], choices["patches_at_once"])
    assert describe(choices)["Share of bags as slides come"] == "0.6"


def test_every_choice_is_on_the_form_in_a_group_that_has_a_title():
    options = training_options()
    assert [option.name for option in options] == list(TrainingConfig.model_fields)
    assert {option.option.group for option in options} == set(GROUPS)
    assert all(option.option.title and option.option.help.endswith(".") for option in options)
    assert len({option.option.title for option in options}) == len(options)
    assert all(option.option.empty for option in options if option.optional)


def test_every_value_of_a_choice_has_a_title_and_every_title_is_of_a_value():
    for option in training_options():
        for value in option.option.values:
            assert getattr(TrainingConfig(**{option.name: value}), option.name) == value
        kind = TrainingConfig.model_fields[option.name].annotation
        if get_origin(kind) is Literal:
            assert set(option.option.values) == set(get_args(kind))


def test_what_a_preset_sets_is_what_the_form_begins_with():
    for preset in PRESETS:
        config = read_config({"preset": preset})
        assert {o.name: preset_value(preset, o) for o in training_options()} == config.model_dump()


def test_a_choice_is_described_in_words_and_an_unknown_one_is_left_out():
    said = describe({"head": "corn", "weights": None, "patches_at_once": None, "gone": 3})
    assert said == {
        "Heads": "Ordered grades (CORN)",
        "Weights to start from": "those that come with the backbone; if none do, at random",
        "Patches in memory at a time": "all of a step",
    }


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("pooling", "no instance pooling called .*gated_attention"),
        ("place_pooling", "no place pooling called .*highest"),
    ],
)
def test_an_unknown_pooling_is_refused_with_those_there_are(option, why):
    with pytest.raises(LabError, match=why):
        read_config({option: "magic"})


def test_both_ways_to_start_a_backbone_at_once_are_refused():
    with pytest.raises(ValueError, match="choose one of the two"):
        TrainingConfig(weights="a.safetensors", pretrain_epochs=2)


def test_choices_are_read_without_torch():
    code = "import sys, mmdnet.training.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT).returncode == 0
