import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, TASKS
from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet, scatter
from mmdnet.nn.outputs import LossWeights, Targets
from mmdnet.nn.registry import IMAGENET_MEAN, IMAGENET_STD


@pytest.fixture(scope="module")
def net() -> MMDNet:
    torch.manual_seed(0)
    return MMDNet(Architecture(projection=32, attention_hidden=16, domains=("a", "b"))).eval()


def targets(bags: int, instances: int, grade: int = -1, domain: int = -1) -> Targets:
    return Targets(
        torch.full((bags, len(TASK_NAMES)), grade),
        torch.ones(bags, len(TASK_NAMES)),
        torch.full((bags, instances, len(TASK_NAMES)), grade),
        torch.full((bags,), domain),
        torch.zeros(bags, instances, dtype=torch.bool),
    )


WEIGHTS = LossWeights(tasks=dict.fromkeys(TASK_NAMES, 1.0), instance=1.0, ignore=1.0)


def test_pixels_are_normalised_as_imagenet_was_whatever_their_type(net):
    images = torch.randint(0, 256, (2, 3, 7, 9), dtype=torch.uint8)
    mean, std = torch.tensor(IMAGENET_MEAN).view(3, 1, 1), torch.tensor(IMAGENET_STD).view(3, 1, 1)
    wanted = (images.float() / 255 - mean) / std
    assert torch.allclose(net.normalised(images), wanted, atol=1e-5)
    assert torch.allclose(net.normalised(images.float() / 255), wanted, atol=1e-5)
    assert net.normalised(images).is_contiguous(memory_format=torch.channels_last)


def test_only_attending_tasks_spare_instances_from_the_domain():
    net = MMDNet(Architecture(projection=16))
    h, mask = torch.randn(1, 6, net.width), torch.ones(1, 6, dtype=torch.bool)
    net.attending = ("steatosis",)
    own = net.eval().from_features(h, mask).attention["steatosis"]
    assert torch.allclose(net.from_features(h, mask).shared_attention, own / own.max())


def test_a_set_aside_patch_is_seen_by_the_fourth_task_alone():
    torch.manual_seed(0)
    net = MMDNet(Architecture(projection=16, ignored_task=True)).eval()
    h, mask = torch.randn(2, 5, net.width), torch.ones(2, 5, dtype=torch.bool)
    ignored_mask = torch.zeros(2, 5, dtype=torch.bool)
    ignored_mask[0, 4] = True
    other = h.clone()
    other[0, 4] += 3
    plain, changed = (net.from_features(given, mask, ignored_mask=ignored_mask) for given in (h, other))
    assert all(torch.equal(plain.logits[name], changed.logits[name]) for name in TASK_NAMES)
    assert plain.attention["steatosis"][0, 4] == 0
    assert not torch.equal(plain.holds_ignored[0], changed.holds_ignored[0])
    assert torch.equal(plain.holds_ignored[1], changed.holds_ignored[1])
    known = targets(2, 5)
    wanted = torch.nn.functional.cross_entropy(plain.holds_ignored, torch.tensor([1, 0]))
    known = Targets(known.grades, known.label_confidence, known.instance_grades, known.domains, ignored_mask)
    assert torch.allclose(net.compute_loss(plain, known, WEIGHTS)["holds_ignored"], wanted)


def test_outputs_have_the_shapes_they_promise(net):
    h = torch.randn(2, 5, net.width)
    assert net.from_features(h, torch.ones(2, 5, dtype=torch.bool)).domain_logits is None
    out = net.from_features(h, torch.ones(2, 5, dtype=torch.bool), 0.0)
    steps = {task.name: task.highest for task in TASKS} | {"ballooning": 2, "inflammation": 3, "steatosis": 3}
    assert {name: logits.shape[1] for name, logits in out.logits.items()} == steps
    assert out.domain_logits.shape == (2, 5, 2)
    assert out.ignore_logits.shape == (2, 5)
    assert out.bag_features["steatosis"].shape == (2, 32)
    predicted = net.predict(out)["steatosis"]
    assert predicted.probabilities.shape == (2, 4)
    assert predicted.grade.shape == predicted.expected.shape == (2,)
    assert net.instance_probabilities(h[0])["ballooning"].shape == (5, 3)


@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(0, 6), st.integers(0, 10_000))
def test_order_and_padding_of_a_bag_change_nothing(net, instances, padding, seed):
    torch.manual_seed(seed)
    h = torch.randn(1, instances, net.width)
    order = torch.randperm(instances)
    padded = torch.cat([h[:, order], torch.randn(1, padding, net.width)], dim=1)
    mask = torch.arange(instances + padding)[None] < instances
    plain, moved = net.from_features(h, torch.ones(1, instances, dtype=torch.bool)), net.from_features(padded, mask)
    for name in TASK_NAMES:
        assert torch.allclose(plain.logits[name], moved.logits[name], atol=1e-5)
        assert torch.allclose(plain.attention[name][:, order], moved.attention[name][:, :instances], atol=1e-5)


def test_pixels_of_padding_are_never_looked_at(net):
    images = torch.randint(0, 256, (1, 3, 3, 64, 64), dtype=torch.uint8)
    mask = torch.tensor([[True, True, False]])
    other = images.clone()
    other[0, 2] = 0
    for name in TASK_NAMES:
        assert torch.equal(net(images, mask).logits[name], net(other, mask).logits[name])


def test_task_heads_share_no_parameter(net):
    owned = [{id(p) for p in net.head(name).parameters()} for name in TASK_NAMES]
    assert len(set.union(*owned)) == sum(map(len, owned))
    net.zero_grad()
    h = torch.randn(2, 4, net.width)
    net.from_features(h, torch.ones(2, 4, dtype=torch.bool)).logits["steatosis"].sum().backward()
    assert all(p.grad is None for name in TASK_NAMES if name != "steatosis" for p in net.head(name).parameters())


def test_nothing_known_means_a_loss_of_zero_and_finite_gradients(net):
    net.zero_grad()
    out = net.from_features(torch.randn(2, 4, net.width), torch.ones(2, 4, dtype=torch.bool), 0.5)
    parts = net.compute_loss(out, targets(2, 4), WEIGHTS)
    parts["total"].backward()
    assert {name: value.item() for name, value in parts.items()} == dict.fromkeys(parts, 0.0)
    assert set(parts) == {*TASK_NAMES, "instance", "ignore", "domain", "total"}
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


def test_a_task_unknown_in_the_batch_leaves_the_others_alone(net):
    out = net.from_features(torch.randn(2, 4, net.width), torch.ones(2, 4, dtype=torch.bool))
    known = targets(2, 4, grade=1, domain=0)
    all_known = net.compute_loss(out, known, WEIGHTS)
    known.grades[:, 0] = known.instance_grades[..., 0] = -1
    without = net.compute_loss(out, known, WEIGHTS)
    assert without["ballooning"] == 0
    assert without["steatosis"] == all_known["steatosis"]
    assert torch.isfinite(without["total"])


def test_the_total_is_the_weighted_sum_of_its_parts(net):
    out = net.from_features(torch.randn(2, 4, net.width), torch.ones(2, 4, dtype=torch.bool), 0.5)
    weights = LossWeights(tasks={"steatosis": 2.0, "inflammation": 0.5}, instance=0.3, ignore=0.7)
    parts = net.compute_loss(out, targets(2, 4, 1, 1), weights, torch.randn(3))
    expected = 2 * parts["steatosis"] + 0.5 * parts["inflammation"] + 0.3 * parts["instance"]
    expected = expected + 0.7 * parts["ignore"] + parts["domain"]
    assert torch.allclose(parts["total"], expected)


def test_the_attended_instance_is_spared_and_strength_zero_spares_all(net):
    h = torch.randn(1, 4, net.width, requires_grad=True)
    mask = torch.ones(1, 4, dtype=torch.bool)
    known = targets(1, 4, domain=1)
    for strength in (0.0, 0.7):
        h.grad = None
        out = net.from_features(h, mask, strength)
        net.compute_loss(out, known, WEIGHTS)["domain"].backward()
        moved = h.grad.abs().sum(-1)[0]
        assert (moved == 0).all() == (strength == 0)
        if strength:
            top = [int(out.attention[name].argmax()) for name in TASK_NAMES]
            assert (moved[top] == 0).all()


def test_a_set_aside_patch_and_a_graded_one_pull_the_quality_gate_apart(net):
    out = net.from_features(torch.randn(1, 4, net.width), torch.ones(1, 4, dtype=torch.bool))
    assert net.compute_loss(out, targets(1, 4), WEIGHTS, torch.randn(2))["ignore"] == 0  # nobody looked at these
    unsure = net.compute_loss(out, targets(1, 4, 0), WEIGHTS, torch.zeros(2))["ignore"]
    sure = net.compute_loss(out, targets(1, 4, 0), WEIGHTS, torch.full((2,), 9.0))["ignore"]
    assert sure < unsure


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_features_that_are_no_numbers_are_refused(net, value):
    h = torch.randn(2, 3, net.width)
    h[1, 2, 5] = value
    with pytest.raises(LabError, match="not finite"):
        net.from_features(h, torch.ones(2, 3, dtype=torch.bool))


def test_a_bag_of_nothing_and_features_of_another_width_are_refused(net):
    h = torch.randn(2, 3, net.width)
    with pytest.raises(LabError, match="holds no patch"):
        net.from_features(h, torch.tensor([[True] * 3, [False] * 3]))
    with pytest.raises(LabError, match=str(net.width)):
        net.from_features(h[..., :-1], torch.ones(2, 3, dtype=torch.bool))


def test_scattered_features_stand_where_their_instances_are():
    mask = torch.tensor([[True, False], [True, True]])
    laid = scatter(torch.tensor([[1.0], [2.0], [3.0]]), mask)
    assert laid.squeeze(-1).tolist() == [[1, 0], [2, 3]]


def test_one_domain_or_none_means_no_domain_branch():
    assert MMDNet(Architecture(domains=("only",))).domain is None


def test_a_tasks_own_features_are_as_wide_as_the_extractors_unless_chosen():
    net = MMDNet(Architecture())
    assert net.head("steatosis").project.weight.shape == (net.width, net.width)
    assert net.architecture.projection == net.width <= 512
    assert MMDNet(Architecture(projection=16)).architecture.projection == 16


def test_a_bags_logits_are_those_of_its_dropped_out_feature():
    torch.manual_seed(0)
    head = MMDNet(Architecture(projection=32)).train().head("steatosis")
    h, mask = torch.randn(3, 5, head.project.in_features), torch.ones(3, 5, dtype=torch.bool)
    mask[1, 3:] = False
    torch.manual_seed(1)
    logits, _, bag, _ = head(h, mask)
    torch.manual_seed(1)
    assert torch.allclose(logits, head.grade(head.dropout(bag)), atol=1e-5)
