r"""Where on a patch a bag's grade comes from: Grad-CAM++ through the whole bag (Chattopadhay et al. 2018).

The target is the step from the grade below to the grade asked about, as the head sees it: for ordered grades a softmax
probability would also fall when the grade *above* gains. Two traps of running it on bags are met here:

* the library scales each patch's map to its own maximum, so a patch the bag ignores looks as hot as the one it hangs
  on: maps are multiplied by :math:`a_k / \max_j a_j`;
* it adds a fixed :math:`10^{-6}` to a denominator of squared gradients, which a bag shrinks by its attention and
  pooling by the map's area: here that is relative to the largest gradient, and the target is multiplied by the bag's
  size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pytorch_grad_cam import GradCAMPlusPlus
from torch import Tensor, nn

from mmdnet.errors import LabError
from mmdnet.nn.backbones import Backbone
from mmdnet.nn.heads import CornHead
from mmdnet.nn.mmdnet import MMDNet


@dataclass(frozen=True)
class BagCam:
    """What speaks for a grade on each patch of a bag.

    Attributes:
        heat: 0-1 over the bag: 1 is the hottest spot of the most attended patch; shape (patches, h, w), float32.
        attention: shape (patches,), sums to 1.
        grade: the grade asked about, at least 1.
        margin: the target's value: above 0, the network holds the grade for reached.
    """

    heat: np.ndarray
    attention: np.ndarray
    grade: int
    margin: float


def bag_cam(model: MMDNet, images: np.ndarray, task: str, grade: int | None = None, device: str = "cpu") -> BagCam:
    """Grad-CAM++ of one bag; one patch is a bag of one.

    Args:
        model: the network.
        images: uint8 RGB, shape (patches, px, px, 3).
        task: which feature.
        grade: what speaks for at least this grade; the bag's own grade (1 where that is 0) if not given.
        device: where to compute.

    Raises:
        LabError: the model does not grade this task, has no such grade, or its backbone has no map of places.
    """
    if task not in model.task_names:
        raise LabError(f"The model does not grade {task}, so there is nothing to show for it.")
    highest = model.head(task).grade.classes - 1
    if grade is not None and not 1 <= grade <= highest:
        raise LabError(f"A map can show what speaks for grades 1 to {highest} of {task}, not for {grade}.")
    model.to(device).eval()
    pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255
    bag = _Bag(model, task)
    if grade is None:
        with torch.inference_mode():
            grade = max(1, int(model.head(task).grade.grade(bag(pixels))[0]))
    target = _Step(model, task, grade, len(images))
    with _RelativeCam(bag, [model.backbone.cam_layer], reshape_transform=_maps_of(model.backbone)) as cam:
        heat = cam(input_tensor=pixels, targets=[target])
    model.zero_grad(set_to_none=True)
    share = bag.attention / bag.attention.max()
    return BagCam(
        heat=(heat * share[:, None, None]).astype(np.float32),
        attention=bag.attention,
        grade=grade,
        margin=target.value,
    )


class _Bag(nn.Module):
    """A bag as the library wants a network: images (k, 3, h, w) in, one row of logits out."""

    def __init__(self, model: MMDNet, task: str) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.attention = np.empty(0)

    def forward(self, images: Tensor) -> Tensor:
        h = self.model.embed(images)[None]
        output = self.model.from_features(h, torch.ones(h.shape[:2], dtype=torch.bool, device=h.device))
        self.attention = output.attention[self.task][0].detach().float().cpu().numpy()
        return output.logits[self.task]


class _Step:
    """The step up to a grade, times the bag's size."""

    def __init__(self, model: MMDNet, task: str, grade: int, patches: int) -> None:
        self.conditional = isinstance(model.head(task).grade, CornHead)
        self.grade = grade
        self.patches = patches
        self.value = float("nan")

    def __call__(self, logits: Tensor) -> Tensor:
        below = 0.0 if self.conditional else logits[self.grade - 1]
        step = (logits[self.grade - 1] if self.conditional else logits[self.grade]) - below
        self.value = float(step.detach())
        return step * self.patches


class _RelativeCam(GradCAMPlusPlus):
    """The library's Grad-CAM++ with its small constant relative to the gradients."""

    def get_cam_weights(
        self,
        input_tensor: Tensor,
        target_layers: Sequence[nn.Module],
        target_category: Sequence[Callable[[Tensor], Tensor]],
        activations: np.ndarray,
        grads: np.ndarray,
    ) -> np.ndarray:
        """Channel weights (patches, channels) of activations and gradients (patches, channels, rows, columns)."""
        grads = grads.astype(np.float64)
        total = activations.astype(np.float64).sum(axis=(2, 3), keepdims=True)
        squared = grads**2
        least = 1e-6 * max(float(squared.max()), np.finfo(np.float64).tiny)
        alpha = np.where(grads != 0, squared / (2 * squared + total * squared * grads + least), 0.0)
        return (np.maximum(grads, 0) * alpha).sum(axis=(2, 3))


def _maps_of(backbone: Backbone) -> Callable[[object], Tensor]:
    """The layer's output as maps, (images, channels, rows, columns).

    Raises (when called):
        LabError: it is none.
    """
    reshaped = _as_maps(backbone)

    def maps(output: object) -> Tensor:
        if isinstance(output, Tensor):
            known = reshaped(output)
            if known.ndim == 4 and known.shape[2] * known.shape[3] > 1:
                return known
        raise LabError(
            f"The backbone {backbone.name} has no map of places that Grad-CAM++ could read, so where on a patch it "
            "looks cannot be shown. The attention over the slide says which patches it drew on. Nothing was changed."
        )

    return maps


def _as_maps(backbone: Backbone) -> Callable[[Tensor], Tensor]:
    """How the tokens of a vision or Swin transformer are laid out as maps; what is none of these stays as it is."""
    net = getattr(backbone, "net", None)
    if net is not None and hasattr(net, "blocks") and hasattr(net, "num_prefix_tokens"):
        rows = net.patch_embed.grid_size[0]
        return lambda tokens: tokens[:, net.num_prefix_tokens :].unflatten(1, (rows, -1)).permute(0, 3, 1, 2)
    if net is not None and hasattr(net, "layers"):
        return lambda last: last.permute(0, 3, 1, 2)
    return lambda last: last
