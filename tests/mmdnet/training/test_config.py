import pytest

from mmdnet.errors import LabError
from mmdnet.training.config import TrainingConfig, read_config


def test_the_defaults_train_the_small_backbone_on_whatever_is_there():
    assert (TrainingConfig().backbone, TrainingConfig().device, TrainingConfig().preset) == (
        "small",
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
    assert TrainingConfig().backbone_rate > 100 * TrainingConfig(weights="w.safetensors").backbone_rate / 10
    assert TrainingConfig(lr_backbone=0.5).backbone_rate == 0.5


def test_a_backbone_from_scratch_warms_up_for_half_of_the_epochs_and_one_with_weights_does_not():
    assert [TrainingConfig(epochs=epochs).warm_up for epochs in (1, 2, 30)] == [0, 1, 15]
    assert TrainingConfig(weights="w.safetensors").warm_up == 0
    assert TrainingConfig(warm_up_epochs=3).warm_up == 3
    assert read_config({"preset": "paper"}).warm_up == 0
