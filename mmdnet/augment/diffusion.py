"""Variants of patches by a latent diffusion model (img2img; Rombach et al. 2022, Meng et al. 2022).

A patch is encoded, noise of a share of the schedule (`strength`) is put on its latent and taken away again under a
prompt, and the latent is decoded. One dtype holds throughout: a folder in half precision that is loaded plainly ends
with a float16 text encoder beside a float32 U-Net. The checker of photographs that may lie beside the weights is left
out: it was never made for tissue, and blacks out what it takes amiss.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch

from mmdnet.augment.choices import DiffusionChoices
from mmdnet.augment.weights_folder import NOTHING_STARTED, WeightsFolder
from mmdnet.errors import LabError

FEWEST_CALLS = 4  # of the U-Net; fewer leave noise in the image


@dataclass(frozen=True, slots=True)
class Order:
    """One child to be made: pixels of its parent, uint8 (side, side, 3), its prompt and its own seed."""

    pixels: np.ndarray
    prompt: str
    seed: int


@dataclass(frozen=True, slots=True)
class DenoisingPlan:
    """What a child costs: calls of the U-Net by the scheduler at hand, and where they begin in its schedule."""

    calls: int
    first_timestep: int | None


def denoising_plan(weights: WeightsFolder, steps: int, strength: float) -> DenoisingPlan:
    """Calls of the U-Net for one image, by the scheduler itself: strength × steps below 1 gives 0, 1 or 9 of them.

    Raises:
        LabError: the scheduler is unknown, or so few calls would be made that noise stays.
    """
    return plan_with(load_scheduler(weights), steps, strength)


def load_scheduler(weights: WeightsFolder) -> Any:
    """The folder's scheduler.

    Raises:
        LabError: diffusers knows none of that name.
    """
    import diffusers

    kind = getattr(diffusers, weights.scheduler, None)
    if kind is None or not hasattr(kind, "set_timesteps"):
        raise LabError(
            f"{weights.name} names a scheduler that is not known here ({weights.scheduler}). {NOTHING_STARTED}"
        )
    return kind.from_pretrained(weights.folder, subfolder="scheduler", local_files_only=True)


def plan_with(scheduler: Any, steps: int, strength: float) -> DenoisingPlan:
    """As `denoising_plan`, of a scheduler that is loaded."""
    from diffusers import StableDiffusionImg2ImgPipeline

    try:
        scheduler.set_timesteps(steps)
        timesteps, _ = StableDiffusionImg2ImgPipeline.get_timesteps(
            SimpleNamespace(scheduler=scheduler), steps, strength, "cpu"
        )
    except ValueError:  # of PNDM with fewer steps than its first ones need
        timesteps = []
    calls = len(timesteps)
    if calls < FEWEST_CALLS:
        raise LabError(
            f"With strength {strength:g} and {steps} steps the scheduler takes noise away in {calls} steps only, and "
            f"at least {FEWEST_CALLS} are needed. Choose more steps or a higher strength. {NOTHING_STARTED}"
        )
    return DenoisingPlan(calls, int(timesteps[0]))


def refuse_long_prompts(weights: WeightsFolder, prompts: Sequence[str]) -> None:
    """Refuse a prompt that the text encoder would cut off without a word.

    Raises:
        LabError: names the first that is too long.
    """
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(weights.folder / "tokenizer", local_files_only=True)
    for prompt in prompts:
        tokens = len(tokenizer(prompt, verbose=False).input_ids)
        if tokens > tokenizer.model_max_length:
            raise LabError(
                f'The prompt "{prompt[:60]}…" is too long: {tokens} tokens, and the text encoder reads '
                f"{tokenizer.model_max_length}. Shorten it. {NOTHING_STARTED}"
            )


@dataclass
class Diffuser:
    """A loaded pipeline that makes children; `batch_size` falls by half whenever memory is too small.

    Attributes:
        told: hears in a sentence that the batch was halved.
    """

    pipeline: Any
    choices: DiffusionChoices
    side_px: int
    device: str
    dtype: torch.dtype
    batch_size: int
    told: Callable[[str], None] = field(default=lambda sentence: None)

    def children(self, orders: Sequence[Order]) -> np.ndarray:
        """Make one child of each order; the batch it is made in changes it by a grey level at most (rounding).

        Returns:
            uint8 RGB, (n, side, side, 3), of the parents' side.

        Raises:
            LabError: not even one image at a time fits into memory.
        """
        return self._in_batches(orders, self._vary)

    def round_trip(self, patches: np.ndarray) -> np.ndarray:
        """Patches encoded and decoded with no noise between: the floor, what the codec alone changes.

        Args:
            patches: uint8, (n, side, side, 3); the result is alike.
        """
        return self._in_batches(list(patches), self._coded)

    def _in_batches(self, items: Sequence[Any], work: Callable[[Sequence[Any]], np.ndarray]) -> np.ndarray:
        done: list[np.ndarray] = []
        at = 0
        while at < len(items):
            batch = items[at : at + self.batch_size]
            try:
                done.append(work(batch))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error)
                continue
            at += len(batch)
        return np.concatenate(done)

    def _halve(self, error: BaseException) -> None:
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
        if self.batch_size == 1:
            raise LabError(
                f"Memory is too small for even one image of {self.side_px} px. Choose a smaller side, float16 on a "
                "GPU, or another machine, and start the job again: what was made is kept."
            ) from error
        self.batch_size //= 2
        self.told(f"Memory is too small; going on with {self.batch_size} images at once.")

    def _vary(self, orders: Sequence[Order]) -> np.ndarray:
        choices = self.choices
        result = self.pipeline(
            prompt=[order.prompt for order in orders],
            negative_prompt=[choices.negative_prompt] * len(orders),
            image=self._enlarged([order.pixels for order in orders]),
            strength=choices.strength,
            guidance_scale=choices.guidance,
            num_inference_steps=choices.steps,
            eta=0.0,
            generator=[torch.Generator("cpu").manual_seed(order.seed) for order in orders],
            output_type="pt",
        )
        return _restored(result.images, orders[0].pixels.shape[0])

    @torch.no_grad()
    def _coded(self, patches: Sequence[np.ndarray]) -> np.ndarray:
        vae = self.pipeline.vae
        images = self._enlarged(patches).to(self.device, self.dtype) * 2 - 1
        decoded = vae.decode(vae.encode(images).latent_dist.mode()).sample
        return _restored(decoded / 2 + 0.5, patches[0].shape[0])

    def _enlarged(self, patches: Sequence[np.ndarray]) -> torch.Tensor:
        """Patches at the side the weights were made for, 0-1, (n, 3, side, side)."""
        size = (self.side_px, self.side_px)
        larger = [cv2.resize(patch, size, interpolation=cv2.INTER_LANCZOS4) for patch in patches]
        return torch.from_numpy(np.stack(larger)).permute(0, 3, 1, 2).float() / 255


def _restored(images: torch.Tensor, side: int) -> np.ndarray:
    """Images in 0-1, (n, 3, h, w), as patches, uint8 (n, side, side, 3)."""
    rows = images.float().clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    how = cv2.INTER_AREA if rows.shape[1] > side else cv2.INTER_LANCZOS4
    return np.stack([cv2.resize(row, (side, side), interpolation=how) for row in np.ascontiguousarray(rows)])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the GPU or of the machine, is too small."""
    said = str(error).lower()
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(
        words in said for words in ("out of memory", "not enough memory", "can't allocate memory")
    )


def load_diffuser(weights: WeightsFolder, choices: DiffusionChoices, device: str) -> Diffuser:
    """Load a folder's pipeline in one dtype.

    Raises:
        LabError: the folder does not load.
    """
    from diffusers import StableDiffusionImg2ImgPipeline
    from diffusers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()

    dtype: torch.dtype = getattr(torch, choices.dtype_on(device))
    try:
        pipeline = StableDiffusionImg2ImgPipeline.from_pretrained(
            weights.folder,
            variant=weights.variant or None,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        if is_out_of_memory(error):
            raise LabError(
                f"Memory is too small to load {weights.name}. Start the job again on a larger machine."
            ) from error
        raise LabError(
            f"{weights.name} does not load as Stable Diffusion: {str(error).splitlines()[0][:160]}. Copy or "
            "download the folder again, and start the job again."
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    for network in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        network.to(device, dtype).requires_grad_(False).eval()
    return Diffuser(pipeline, choices, choices.side_px or weights.side_px, device, dtype, choices.batch_size)
