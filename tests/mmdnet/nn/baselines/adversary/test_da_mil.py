from dataclasses import replace

import pytest
import torch

from mmdnet.nn.baselines.adversary.da_mil import DAMIL, MultiScaleDAMIL
from mmdnet.nn.baselines.registry import BASELINES
from tests.mmdnet.nn.baselines.toy import SHAPE, bags, model_of


def test_the_adversary_spares_the_most_attended_instance_and_turns_the_others_gradient_round():
    h, mask, targets = bags(1, instances=5)
    mask[:] = True
    branch = model_of(BASELINES["da-mil"]).branch("steatosis")
    said = branch(h, mask)
    said.z.retain_grad()
    branch.auxiliary_loss(said, replace(targets["steatosis"], strength=0.5)).backward()
    free = said.z.detach().clone().requires_grad_()
    from mmdnet.nn.domains.domain import domain_loss

    domain_loss(branch.domain(free), targets["steatosis"].domains, mask).backward()
    weight = 0.5 * (said.attention.max() - said.attention)
    assert torch.allclose(said.z.grad, -weight.unsqueeze(-1) * free.grad, atol=1e-7)
    assert said.z.grad[0, said.attention.argmax()].abs().max() == 0


def test_without_two_domains_it_has_no_domain_part():
    h, mask, targets = bags(2)
    branch = DAMIL(replace(SHAPE, domains=1))
    assert branch.domain is None
    assert branch.auxiliary_loss(branch(h, mask), targets["steatosis"]) is None


def test_one_attention_looks_at_all_magnifications():
    h, mask, _ = bags(2)
    branch = model_of(BASELINES["da-mil-ms"]).branch("steatosis")
    said = branch(h, mask)
    fine, coarse = (project(part) for project, part in zip(branch.projects, h.chunk(2, dim=-1), strict=True))
    real = mask[0]
    z = torch.cat([fine[0][real], coarse[0][real]])
    attention = branch.score(z).squeeze(-1).softmax(dim=0)
    assert torch.allclose(said.logits[0], branch.head(attention @ z), atol=1e-6)
    count = int(real.sum())
    assert torch.allclose(said.attention[0][real], attention[:count] + attention[count:], atol=1e-6)


def test_features_of_one_scale_are_refused_by_two():
    with pytest.raises(ValueError, match="two magnifications"):
        MultiScaleDAMIL(replace(SHAPE, width=13))
