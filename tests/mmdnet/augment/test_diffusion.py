"""The pipeline: calls counted by the scheduler, one dtype, children by their own seed, a batch that halves."""

import numpy as np
import pytest
import torch

from mmdnet.augment import diffusion
from mmdnet.augment.choices import DiffusionChoices
from mmdnet.augment.diffusion import Order, is_out_of_memory, load_diffuser, plan_with
from mmdnet.augment.weights_folder import examine_folder
from mmdnet.errors import LabError


@pytest.fixture(scope="module")
def diffuser(weights):
    choices = DiffusionChoices(weights=weights, steps=20, batch_size=4)
    return load_diffuser(examine_folder(weights), choices, "cpu")


@pytest.mark.parametrize(
    ("name", "steps", "strength", "calls"),
    [("DDIMScheduler", 50, 0.2, 10), ("DPMSolverMultistepScheduler", 50, 0.2, 10), ("PNDMScheduler", 50, 0.2, 19),
     ("PNDMScheduler", 20, 0.04, 9), ("EulerDiscreteScheduler", 40, 0.3, 12)],
)  # fmt: skip
def test_calls_are_counted_by_the_scheduler_at_hand(name, steps, strength, calls):
    import diffusers

    assert plan_with(getattr(diffusers, name)(), steps, strength).calls == calls


@pytest.mark.parametrize(("name", "steps", "strength"), [("DDIMScheduler", 20, 0.04), ("PNDMScheduler", 1, 0.5)])
def test_too_few_calls_are_refused(name, steps, strength):
    import diffusers

    with pytest.raises(LabError, match="0 steps only"):
        plan_with(getattr(diffusers, name)(), steps, strength)


def test_the_pipeline_makes_as_many_calls_as_were_said(diffuser, tissue):
    calls = []
    hook = diffuser.pipeline.unet.register_forward_hook(lambda *given: calls.append(1))
    patches = tissue(3, 96)
    together = diffuser.children([Order(patch, "liver", seed) for seed, patch in enumerate(patches)])
    hook.remove()
    assert len(calls) == plan_with(diffuser.pipeline.scheduler, 20, 0.2).calls == 4
    assert together.shape == patches.shape and together.dtype == np.uint8
    alone = diffuser.children([Order(patches[1], "liver", 1)])
    assert np.abs(together[1].astype(int) - alone[0]).max() <= 1
    assert np.abs(together[1].astype(int) - diffuser.children([Order(patches[1], "liver", 7)])[0]).max() > 1


def test_half_precision_is_one_dtype_throughout(weights, tissue):
    choices = DiffusionChoices(weights=weights, steps=20, dtype="bfloat16")
    half = load_diffuser(examine_folder(weights), choices, "cpu")
    networks = (half.pipeline.unet, half.pipeline.vae, half.pipeline.text_encoder)
    assert {parameter.dtype for network in networks for parameter in network.parameters()} == {torch.bfloat16}
    assert half.pipeline.safety_checker is None
    assert half.round_trip(tissue(2, 96)).shape == (2, 96, 96, 3)


def test_memory_too_small_halves_the_batch_and_says_so_until_one_is_too_many(diffuser, tissue, monkeypatch):
    patches, said = tissue(5, 64), []

    def small(self, items, most):
        if len(items) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return np.stack(items)

    monkeypatch.setattr(diffuser, "told", said.append)
    monkeypatch.setattr(diffuser, "batch_size", 4)
    monkeypatch.setattr(diffusion.Diffuser, "_coded", lambda self, items: small(self, items, 1))
    assert np.array_equal(diffuser.round_trip(patches), patches)
    assert diffuser.batch_size == 1 and [sentence.split(" with ")[1] for sentence in said] == [
        "2 images at once.", "1 images at once.",
    ]  # fmt: skip
    monkeypatch.setattr(diffusion.Diffuser, "_coded", lambda self, items: small(self, items, 0))
    with pytest.raises(LabError, match="even one image of 64 px"):
        diffuser.round_trip(patches)


def test_other_errors_are_no_lack_of_memory(diffuser, tissue, monkeypatch):
    def broken(self, items):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(diffusion.Diffuser, "_coded", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        diffuser.round_trip(tissue(1, 64))
    assert is_out_of_memory(MemoryError()) and is_out_of_memory(RuntimeError("DefaultCPUAllocator: not enough memory"))
