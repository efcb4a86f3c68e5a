from dataclasses import replace

import torch

from mmdnet.nn.baselines.registry import BASELINES
from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet
from tests.mmdnet.nn.baselines.toy import bags, model_of


def test_its_heads_are_those_of_the_network():
    torch.manual_seed(0)
    net = MMDNet(Architecture(backbone="small", projection=16, attention_hidden=8, dropout=0.0)).eval()
    from mmdnet.nn.baselines.contract import BranchShape
    from mmdnet.nn.baselines.registry import create_baseline

    shape = BranchShape(width=net.width, classes=2, projection=16, hidden=8, dropout=0.0)
    ours = create_baseline(BASELINES["mmd-net"], shape, net.architecture.tasks).eval()
    ours.shared = torch.nn.Identity()
    for name in net.task_names:
        ours.branch(name).own.load_state_dict(net.head(name).state_dict())
    h, mask = torch.randn(3, 5, net.width), torch.ones(3, 5, dtype=torch.bool)
    said, theirs = ours(h, mask), net.from_features(h, mask)
    for name in net.task_names:
        assert torch.equal(said[name].logits, theirs.logits[name])
        assert torch.equal(said[name].attention, theirs.attention[name])


def test_the_adversary_reaches_the_shared_layer_and_grows_with_its_strength():
    h, mask, targets = bags(8)
    model = model_of(BASELINES["mmd-net"])

    def gradient(strength):
        model.zero_grad()
        known = {
            name: replace(of_task, grades=torch.full_like(of_task.grades, -1), strength=strength)
            for name, of_task in targets.items()
        }
        model.training_loss(h, mask, known).backward()
        return model.shared[0].weight.grad.clone()

    assert gradient(0.0).abs().max() == 0
    assert torch.allclose(gradient(1.0), 2 * gradient(0.5), atol=1e-7)
    assert model_of(BASELINES["mtl-mil"]).domain is None


def test_grades_of_patches_teach_only_the_form_that_says_so():
    h, mask, targets = bags(4)
    unknown = {
        name: replace(known, instance_grades=torch.full_like(known.instance_grades, -1))
        for name, known in targets.items()
    }
    for name, differs in (("mmd-net", False), ("mmd-net-patches", True)):
        model = model_of(BASELINES[name])
        apart = model.training_loss(h, mask, targets) - model.training_loss(h, mask, unknown)
        assert bool(apart.abs() > 1e-6) is differs


def test_a_patch_that_was_set_aside_teaches_the_fourth_task_alone():
    h, mask, targets = bags(6)
    mask[:, -1] = True
    ignored = torch.zeros_like(mask)
    ignored[:3, -1] = True
    known = {name: replace(of_task, ignored=ignored) for name, of_task in targets.items()}
    four, three = model_of(BASELINES["mmd-net-four"]), model_of(BASELINES["mmd-net"])
    three.load_state_dict({key: value for key, value in four.state_dict().items() if "holds_ignored" not in key})
    said = four.holds_ignored(four.shared(h), mask)[0]
    fourth = torch.nn.functional.cross_entropy(said, torch.tensor([1, 1, 1, 0, 0, 0]))
    of_three = three.training_loss(h, mask & ~ignored, targets)
    assert torch.allclose(four.training_loss(h, mask, known), of_three + fourth, atol=1e-6)
    fourth.backward()
    assert four.shared[0].weight.grad.abs().max() > 0
