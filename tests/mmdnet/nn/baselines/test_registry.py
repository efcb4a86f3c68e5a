"""Every method of the field, held to the same contract."""

import copy
import sys
from dataclasses import replace

import pytest
import torch

from mmdnet.errors import LabError
from mmdnet.nn.baselines.contract import Branch
from mmdnet.nn.baselines.registry import (
    BASELINES,
    BaselineEntry,
    add_baseline,
    baselines_called,
    create_baseline,
    remove_baseline,
)
from mmdnet.nn.registry import load
from tests.mmdnet.nn.baselines.toy import SHAPE, TASKS, bags, model_of

every = pytest.mark.parametrize("entry", BASELINES.values(), ids=BASELINES)


@every
def test_it_gives_logits_and_attention_that_is_a_share_of_each_bag(entry):
    h, mask, _ = bags(5)
    for name, said in model_of(entry)(h, mask).items():
        assert said.logits.shape[0] == 5
        assert torch.isfinite(said.logits).all()
        assert said.attention.shape == mask.shape
        assert (said.attention >= 0).all()
        assert (said.attention[~mask] == 0).all()
        assert torch.allclose(said.attention.sum(dim=1), torch.ones(5), atol=1e-5)
        predicted = model_of(entry).branch(name).prediction(said)
        assert predicted.probabilities.shape == (5, TASKS[name])
        assert torch.allclose(predicted.probabilities.sum(dim=1), torch.ones(5), atol=1e-4)
        assert predicted.grade.dtype == torch.int64


@every
def test_neither_the_order_of_instances_nor_padding_changes_what_it_says(entry):
    h, mask, _ = bags(4, seed=3)
    model = model_of(entry)
    if model.stages > 1:
        model.begin_stage({name: said.bag for name, said in model(h, mask).items()}, 0)
    order = torch.randperm(h.shape[1])
    padded = torch.cat([h[:, order], 100 * torch.randn(4, 3, h.shape[2])], dim=1)
    real = torch.cat([mask[:, order], torch.zeros(4, 3, dtype=torch.bool)], dim=1)
    said, said_again = model(h, mask), model(padded, real)
    for name in TASKS:
        assert torch.allclose(said[name].logits, said_again[name].logits, atol=1e-5)
        assert torch.allclose(said[name].attention[:, order], said_again[name].attention[:, :-3], atol=1e-5)


@every
def test_every_parameter_learns_and_what_is_unknown_teaches_nothing(entry):
    h, mask, targets = bags(24)
    model = model_of(entry).train()
    stages = range(model.stages)
    for stage in stages:
        if stage:
            model.begin_stage({name: said.bag for name, said in model(h, mask).items()}, 0)
        model.training_loss(h, mask, targets).backward()
    quiet = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert quiet == []
    unknown = {
        name: replace(
            known,
            grades=torch.full_like(known.grades, -1),
            instance_grades=torch.full_like(known.instance_grades, -1),
            domains=torch.full_like(known.domains, -1),
            ignored=None,
        )
        for name, known in targets.items()
    }
    loss = model.training_loss(h, mask, unknown)
    assert loss.item() == pytest.approx(0, abs=1e-6)
    loss.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@every
def test_it_learns_a_toy_problem_and_says_the_same_twice(entry):
    h, mask, targets = bags(96, seed=1)
    model = model_of(entry).train()
    untrained = _right(model, h, mask, targets)
    for stage in range(model.stages):
        if stage:
            with torch.no_grad():
                model.begin_stage({name: said.bag for name, said in model.eval()(h, mask).items()}, 0)
        optimiser = torch.optim.AdamW(model.train().parameters(), lr=1e-2)
        for _ in range(60):
            optimiser.zero_grad()
            model.training_loss(h, mask, targets).backward()
            optimiser.step()
    trained = _right(model, h, mask, targets)
    assert trained == _right(model, h, mask, targets)
    assert trained > max(0.65, untrained + 0.15)


def _right(model, h, mask, targets):
    model.eval()
    with torch.no_grad():
        said = model.predict(h, mask)
    hits = [(said[name].grade == known.grades).float().mean() for name, known in targets.items()]
    return float(torch.stack(hits).mean())


@every
def test_a_task_alone_is_graded_by_it_and_no_bag_is_empty(entry):
    h, mask, targets = bags(4)
    alone = create_baseline(entry, SHAPE, {"steatosis": 4})
    assert torch.isfinite(alone.training_loss(h, mask, {"steatosis": targets["steatosis"]}))


@every
def test_its_file_names_paper_and_formula(entry):
    method = load(entry.branch)
    said = sys.modules[method.__module__].__doc__
    assert issubclass(method, Branch)
    assert ":math:" in said or ".. math::" in said
    assert entry.paper.split(",")[0].split()[0] in said or entry.paper in (
        "this program",
        "MMD-Net, Table 2",
        "Chen 2021",
    )
    assert (entry.scales, entry.from_patches) == (model_of(entry).scales, model_of(entry).learns_from_patches)


def test_an_unknown_method_is_refused_by_a_sentence_and_names_are_taken_once():
    assert [entry.name for entry in baselines_called(["mean", "abmil", "mean"])] == ["mean", "abmil"]
    assert len(baselines_called([])) == len(BASELINES)
    with pytest.raises(LabError, match='no method called "mill"'):
        baselines_called(["mill"])


def test_a_method_is_added_by_one_entry():
    entry = BaselineEntry("mine", "Mine", "nobody", "mmdnet.nn.baselines.pooling.mean_max:MeanPooling")
    add_baseline(entry)
    try:
        with pytest.raises(ValueError, match="already"):
            add_baseline(entry)
        assert create_baseline(entry, SHAPE, TASKS).tasks == TASKS
    finally:
        remove_baseline("mine")
    assert "mine" not in BASELINES


def test_the_tasks_of_a_method_share_no_parameter_unless_it_says_so():
    h, mask, targets = bags(6)
    model = model_of(BASELINES["clam-mb"]).train()
    other = copy.deepcopy(model)
    changed = dict(targets) | {
        "ballooning": replace(targets["ballooning"], grades=torch.zeros_like(targets["ballooning"].grades))
    }
    for each, known in ((model, targets), (other, changed)):
        each.training_loss(h, mask, known).backward()
    ours, theirs = (dict(each.branch("steatosis").named_parameters()) for each in (model, other))
    assert all(torch.equal(ours[name].grad, theirs[name].grad) for name in ours)
