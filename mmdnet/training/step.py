"""One step of a training: features, losses, gradients, optimiser; and what goes along from step to step."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.checkpoint import checkpoint

from mmdnet.augment.stain import restain
from mmdnet.nn.backbones import TimmBackbone
from mmdnet.nn.distributed import all_reduce_sum, sum_gradients
from mmdnet.nn.domains.alignment import GroupWeights
from mmdnet.nn.mmdnet import MMDNet, scatter
from mmdnet.nn.outputs import LossWeights
from mmdnet.training.batch_loader import Batch, to_device
from mmdnet.training.config import TrainingConfig

CLIP = 1.0
GROUP_RATE = 0.1  # times alpha: at the usual alpha the 0.01 of Sagawa et al. 2020


class NonFiniteLoss(ArithmeticError):
    """The loss of a step is infinite or not a number; the step was not made."""


class Stepper:
    r"""Network and optimiser, with two things a person may choose beside them.

    * Learnt task weights (Kendall, Gal, Cipolla 2018): :math:`\sum_t e^{-s_t} L_t + s_t / 2`, so that a task that
      stays noisy counts less.
    * A running mean of the weights and buffers (EMA, :math:`m \leftarrow m + (1 - d)(w - m)`): what is judged and kept
      in place of the weights themselves.

    Args:
        net: on its device.
        config: how.
        trained: the tasks trained.
        device: of the network.
        domains: that training tells apart.
    """

    def __init__(
        self, net: MMDNet, config: TrainingConfig, trained: Sequence[str], device: torch.device, domains: int = 0
    ) -> None:
        self.net, self.config, self.device = net, config, device
        learnt = trained if config.task_weights == "learnt" else ()
        self.log_variance = nn.ParameterDict({name: torch.zeros((), device=device) for name in learnt})
        self.ema: AveragedModel | None = None
        robust = config.domain_method == "group_dro" and domains > 1
        self.groups = GroupWeights(domains, GROUP_RATE * config.alpha) if robust else None
        self.heads_alone = False  # the backbone stays as it is for the time being, and costs no gradient
        self.optimizer = self._optimizer()
        if config.compile and device.type == "cuda":
            net.backbone.compile()

    def _optimizer(self) -> torch.optim.Optimizer:
        config = self.config
        inside = {id(p) for p in self.net.backbone.parameters()}
        heads = [p for p in (*self.net.parameters(), *self.log_variance.parameters()) if id(p) not in inside]
        groups = [*self._backbone_groups(), {"params": heads, "lr": config.lr_heads, "full_lr": config.lr_heads}]
        fused = self.device.type in ("cpu", "cuda")
        return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=fused)

    def _backbone_groups(self) -> list[dict[str, Any]]:  # as torch's optimisers take them
        """The backbone's parameters: one group, or one a depth, each learning `layer_decay` times as fast as the next.

        The depths are those timm knows of its networks.
        """
        backbone, decay, rate = self.net.backbone, self.config.rate_decay, self.config.backbone_rate
        if decay == 1 or not isinstance(backbone, TimmBackbone) or not hasattr(backbone.net, "group_matcher"):
            return [{"params": list(backbone.parameters()), "lr": rate, "full_lr": rate}]
        from timm.optim import param_groups_layer_decay

        by_depth = param_groups_layer_decay(backbone.net, self.config.weight_decay, layer_decay=decay)
        return [
            {"params": group["params"], "weight_decay": group["weight_decay"], "lr": scaled, "full_lr": scaled}
            for group in by_depth
            for scaled in [rate * group["lr_scale"]]
        ]

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All that changes from step to step, but for the optimiser's own."""
        return {
            "net": self.net.state_dict(),
            "ema": self.ema.module.state_dict() if self.ema else {},
            "log_variance": self.log_variance.state_dict(),
            "groups": {"weights": self.groups.weights} if self.groups else {},
        }

    def load(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        self.net.load_state_dict(tensors["net"])
        self.log_variance.load_state_dict(tensors.get("log_variance", {}))
        if self.groups and (kept := tensors.get("groups")):
            self.groups.weights = kept["weights"].cpu()
        if kept := tensors.get("ema"):
            self.ema = self._averaged()
            self.ema.module.load_state_dict(kept)
            self.ema.n_averaged.fill_(1)  # it is begun; how often it was updated is of no account

    def set_rates(self, share: float) -> None:
        """Learning rates as a share of the full ones."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["full_lr"] * share

    @property
    def rate(self) -> float:
        """The highest learning rate there is now: that of the heads, unless the backbone's is higher."""
        return float(max(group["lr"] for group in self.optimizer.param_groups))

    def step(
        self, batch: Batch, weights: LossWeights, strength: float | None, stored: bool, average: bool
    ) -> dict[str, float]:
        """One step of the optimiser; the named losses before it, of all processes together.

        Args:
            batch: this process's bags.
            weights: how the losses are weighed.
            strength: of the domain's reversed gradient; None leaves the domain branch out.
            stored: the batch holds features, not pixels.
            average: let the running mean follow.

        Raises:
            NonFiniteLoss: and nothing was changed.
        """
        losses = self._losses(batch, weights, strength, stored)
        told = all_reduce_sum(torch.stack([value.detach() for value in losses.values()])).tolist()
        if not all(map(torch.isfinite, torch.tensor(told))):
            raise NonFiniteLoss
        self.optimizer.zero_grad(set_to_none=True)
        losses["total"].backward()
        parameters = [*self.net.parameters(), *self.log_variance.parameters()]
        sum_gradients(parameters)
        nn.utils.clip_grad_norm_(parameters, CLIP)
        self.optimizer.step()
        if average and self.config.ema:
            self.ema = self.ema or self._averaged()
            self.ema.update_parameters(self.net)
        return dict(zip(losses, told, strict=True))

    def _losses(self, batch: Batch, weights: LossWeights, strength: float | None, stored: bool) -> dict[str, Tensor]:
        features = torch.from_numpy(batch.data).to(self.device) if stored else self._features(batch)
        mask = batch.mask.to(self.device)
        in_bags = batch.in_bags
        targets = to_device(batch.targets, self.device)
        output = self.net.from_features(scatter(features[:in_bags], mask), mask, strength, targets.ignored_mask)
        ignored = self.net.ignore(features[in_bags:]).squeeze(-1)
        if self.log_variance:
            learnt = {name: torch.exp(-self.log_variance[name]) for name in weights.tasks}
            cost = 0.5 * torch.stack([self.log_variance[name] for name in weights.tasks]).sum()
            weights = replace(weights, tasks=learnt, offset=cost / all_reduce_sum(torch.ones_like(cost)))
        weights = replace(weights, alignment=strength or 0.0)
        if self.groups and strength is not None:
            weights = replace(weights, bags=self.groups.of_bags(targets.domains))
            self.groups.update(self.net.bag_losses(output, targets), targets.domains)
        return self.net.compute_loss(output, targets, weights, ignored)

    def _features(self, batch: Batch) -> Tensor:
        images = torch.from_numpy(batch.data).to(self.device).permute(0, 3, 1, 2)
        if batch.stains is not None:
            images = restain(images, torch.from_numpy(batch.stains).to(self.device))
        learns = torch.set_grad_enabled(not self.heads_alone)
        with learns, torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            if not self.config.microbatch_size or self.heads_alone:
                return self.net.embed(images)
            parts = images.split(self.config.microbatch_size)
            return torch.cat([checkpoint(self.net.embed, part, use_reentrant=False) for part in parts])

    def _averaged(self) -> AveragedModel:
        return AveragedModel(self.net, multi_avg_fn=get_ema_multi_avg_fn(self.config.ema), use_buffers=True)

    @contextmanager
    def judged(self) -> Iterator[None]:
        """The weights to judge and keep are in the network for the time being: the running mean, if there is one."""
        if self.ema is None:
            yield
            return
        own = {key: value.detach().clone() for key, value in self.net.state_dict().items()}
        self.net.load_state_dict(self.ema.module.state_dict())
        try:
            yield
        finally:
            self.net.load_state_dict(own)
