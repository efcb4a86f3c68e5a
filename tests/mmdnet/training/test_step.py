import numpy as np
import pytest
import torch

from mmdnet.bags.splits import Split
from mmdnet.progress import silent
from mmdnet.training.batch_loader import BatchLoader, in_steps
from mmdnet.training.check import check
from mmdnet.training.config import TrainingConfig
from mmdnet.training.loop import Run
from mmdnet.training.weighing import loss_weights

QUICK = {
    "backbone": "small", "epochs": 2, "warm_up_epochs": 0, "bag_size": 4, "bags_per_epoch": 8, "projection": 16,
    "device": "cpu",
}  # fmt: skip


def begun(crafted, folder, **given):
    """A run, one batch of it and that batch's loss weights."""
    config, split = TrainingConfig(**QUICK | given), Split((0, 1, 2, 3), (4, 5))
    report = check(crafted.cohort, config, split)
    run = Run(crafted.cohort, crafted.pixels, config, split, folder, report, silent, "")
    bags = run.epoch_plan.sampler.epoch(0)[:4]
    (batch,) = BatchLoader(crafted.cohort, [bags], run.domains, crafted.pixels.read, (), np.random.default_rng(0))
    return run, batch, loss_weights(crafted.cohort, bags, config, report.trained_tasks, False)


def test_a_step_in_parts_is_the_whole_step(crafted, tmp_path):
    told, weights = [], []
    for at_once in (None, 3):
        run, batch, of_losses = begun(crafted, tmp_path, microbatch_size=at_once)
        torch.manual_seed(1)
        told.append(run.stepper.step(batch, of_losses, 0.3, False, True))
        weights.append(torch.cat([p.flatten() for p in run.net.backbone.parameters()]))
    assert told[0] == pytest.approx(told[1], abs=1e-5)
    assert torch.allclose(weights[0], weights[1], atol=1e-5)


def test_learnt_task_weights_lift_the_task_that_is_easily_right(crafted, tmp_path):
    run, batch, weights = begun(crafted, tmp_path, task_weights="learnt", lr_heads=1e-2)
    run.stepper.set_rates(1.0)
    for _ in range(30):
        losses = run.stepper.step(batch, weights, 0.1, False, True)
    log_variance = {name: value.item() for name, value in run.stepper.log_variance.items()}
    assert set(log_variance) == {"ballooning", "inflammation", "steatosis"}
    easiest, hardest = min(log_variance, key=losses.__getitem__), max(log_variance, key=losses.__getitem__)
    assert log_variance[easiest] < log_variance[hardest]  # a small s weighs much
    assert "log_variance" in run.stepper.tensors()


def test_the_running_mean_follows_slowly_and_is_what_is_judged(crafted, tmp_path):
    run, batch, weights = begun(crafted, tmp_path, ema=0.9)
    head = run.net.head("steatosis").project.weight
    run.stepper.step(batch, weights, 0.1, False, True)
    first = head.detach().clone()
    run.stepper.step(batch, weights, 0.1, False, True)
    second = head.detach().clone()
    wanted = first + 0.1 * (second - first)
    assert not torch.equal(first, second)
    with run.stepper.judged():
        assert torch.allclose(head, wanted)
    assert torch.equal(head, second)


def test_the_last_steps_bags_join_the_step_before_when_they_are_few():
    assert [len(step) for step in in_steps(list(range(9)), 4)] == [4, 5]
    assert [len(step) for step in in_steps(list(range(10)), 4)] == [4, 4, 2]
    assert [len(step) for step in in_steps([0], 4)] == [1]
    assert in_steps([], 4) == []


PRETRAINED = {"backbone": "efficientnet-lite0", "mode": "full"}


def test_a_pretrained_backbone_learns_the_slower_the_nearer_to_the_pixels(crafted, tmp_path):
    run, _, _ = begun(crafted, tmp_path, **PRETRAINED)
    rate = {id(p): group["full_lr"] for group in run.optimizer.param_groups for p in group["params"]}
    assert set(rate) == {id(p) for p in run.net.parameters()}
    net = run.net.backbone.net
    early, late = rate[id(net.conv_stem.weight)], rate[id(net.conv_head.weight)]
    assert early < 0.1 * late and late == pytest.approx(run.config.backbone_rate, rel=0.3)
    flat, _, _ = begun(crafted, tmp_path, **PRETRAINED, layer_decay=1.0)
    assert {group["full_lr"] for group in flat.optimizer.param_groups} == {2e-5, 1e-3}
    scratch, _, _ = begun(crafted, tmp_path)
    assert {group["full_lr"] for group in scratch.optimizer.param_groups} == {2e-3, 1e-3}


def test_while_the_heads_learn_alone_the_backbone_stays(crafted, tmp_path):
    run, batch, weights = begun(crafted, tmp_path)

    def backbone():
        return torch.cat([p.detach().flatten().clone() for p in run.net.backbone.parameters()])

    before, head = backbone(), run.net.head("steatosis").project.weight.detach().clone()
    run.stepper.heads_alone = True
    run.stepper.step(batch, weights, 0.3, False, True)
    assert torch.equal(before, backbone()) and not torch.equal(head, run.net.head("steatosis").project.weight)
    run.stepper.heads_alone = False
    run.stepper.step(batch, weights, 0.3, False, True)
    assert not torch.equal(before, backbone())


def test_the_heads_of_a_pretrained_backbone_come_first_and_leave_it_an_epoch_at_least():
    assert TrainingConfig().heads_first == 1
    assert TrainingConfig(epochs=1).heads_first == 0
    assert TrainingConfig(epochs=3, head_epochs=9).heads_first == 2
    assert TrainingConfig(backbone="small").heads_first == 0


def test_a_backbone_from_random_weights_is_normalised_before_the_first_step(crafted, tmp_path):
    run, _, _ = begun(crafted, tmp_path, backbone="resnet10t", mode="full")
    norm = run.net.backbone.batch_norms()[0]
    assert torch.equal(norm.running_mean, torch.zeros_like(norm.running_mean))
    run.resume()
    assert norm.running_mean.abs().max() > 0.01
    pretrained, _, _ = begun(crafted, tmp_path / "other", **PRETRAINED)
    before = pretrained.net.backbone.batch_norms()[0].running_mean.clone()
    pretrained.resume()
    assert torch.equal(before, pretrained.net.backbone.batch_norms()[0].running_mean)


@pytest.mark.parametrize("method", ["coral", "mmd"])
def test_domains_are_drawn_together_without_a_branch_and_only_as_far_as_the_strength_says(crafted, tmp_path, method):
    run, batch, weights = begun(crafted, tmp_path, domain_method=method, domain_key="slide")
    assert run.net.domain is None and not run.net.architecture.domains
    apart = []
    for strength in (0.0, 1.0):
        run, batch, weights = begun(crafted, tmp_path, domain_method=method, domain_key="slide", lr_backbone=0.01)
        run.stepper.set_rates(1.0)
        for _ in range(6):
            losses = run.stepper.step(batch, weights, strength, False, False)
        apart.append(losses["domain"])
    assert 0 < apart[1] < apart[0]


def test_the_worst_graded_domain_comes_to_count_more_and_that_is_kept_between_attempts(crafted, tmp_path):
    run, batch, weights = begun(crafted, tmp_path, domain_method="group_dro", domain_key="slide", alpha=1.0)
    run.stepper.step(batch, weights, None, False, False)
    assert len(set(run.stepper.groups.weights.tolist())) == 1  # while warming up all count alike
    for _ in range(3):
        run.stepper.step(batch, weights, 1.0, False, False)
    kept = run.stepper.tensors()
    assert len(set(kept["groups"]["weights"].tolist())) > 1
    again, *_ = begun(crafted, tmp_path, domain_method="group_dro", domain_key="slide", alpha=1.0)
    again.stepper.load(kept)
    assert torch.equal(again.stepper.groups.weights, kept["groups"]["weights"])
