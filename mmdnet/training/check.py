"""Whether a training would start, and what it would use; says so in seconds, before hours are lost."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import psutil
import torch

from mmdnet.bags.cohort import Cohort, grade_counts
from mmdnet.bags.splits import Split, audit_leakage
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, TASKS, UNKNOWN
from mmdnet.nn.backbones import Backbone, create_backbone
from mmdnet.nn.device import best_device
from mmdnet.nn.packaged import packaged_weights
from mmdnet.nn.recipe import origin_of
from mmdnet.nn.registry import backbone_entry
from mmdnet.training.config import TrainingConfig
from mmdnet.words import count

NAMED = 3  # slides named in a sentence, before the rest is counted
MOST_SCALED = 1.6  # times finer or coarser than a backbone learnt at: an encoder's 224 px hold a patch at 1.3 times
FEWEST_TOGETHER = 4  # bags of different slides in a step; from steps of one slide nothing is learnt from scratch


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a training would use.

    Attributes:
        lines: plain sentences.
        expected: the one of them that says what is done to the backbone and how long it should take.
        warnings: what would weaken the model.
        trained_tasks: tasks with two different grades or more in the training part.
        domains: the domains told apart; empty when the domain branch is off.
        device: where it would run.
        mode: "full" (the whole network) or "fast" (backbone frozen after the warm-up).
        warm_up: epochs on single patches before bags are used.
    """

    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    trained_tasks: tuple[str, ...]
    domains: tuple[str, ...]
    device: str
    mode: Literal["full", "fast"]
    warm_up: int
    expected: str


def check(cohort: Cohort, config: TrainingConfig, split: Split) -> CheckReport:
    """Look at everything a training needs and write nothing.

    Raises:
        LabError: it cannot start; the sentence says why and what to do.
    """
    audit_leakage(cohort, split)
    warnings = list(split.warnings)
    trained, lines = _labels(cohort, split, warnings)
    _patients(cohort, warnings)
    device = best_device(config.device)
    mode = config.mode_on(device)
    domains = _domains(cohort, split, config, mode, warnings)
    weights = config.weights or packaged_weights(config.backbone)
    backbone = create_backbone(config.backbone, cohort.patch_px, weights, config.place_pooling)
    _memory(backbone, cohort.patch_px, config, mode, device)
    graded = cohort.known() & np.isin(cohort.slide_index, list(split.train))
    warm_up = config.warm_up if graded.any() else 0
    if config.ignored_task and not (cohort.ignored & np.isin(cohort.slide_index, list(split.train))).any():
        raise LabError('No patch of the training slides is set aside, so "holds an ignored patch" cannot be learnt.')
    slides = len(set(cohort.labelled_slides()) & set(split.train))
    warnings += _weaknesses(config, slides, mode, device, warm_up)
    if config.warm_up_epochs and not warm_up:
        raise LabError("Warm-up learns from graded patches, and no patch has a grade: set the warm-up epochs to 0.")
    counted = {part: len(set(cohort.labelled_slides()) & set(slides)) for part, slides in split.parts().items()}
    expected = _expected(backbone, cohort, config, mode, warm_up, slides)
    lines += [
        f"Slides with labels: {counted['train']} train, {counted['validation']} validate, {counted['test']} test.",
        f"Backbone {config.backbone} ({sum(p.numel() for p in backbone.parameters()) / 1e6:.1f} M parameters, "
        f"{_start(config)}), {mode} training, "
        f"at most {count(config.epochs, 'epoch')} on {'the CPU' if device == 'cpu' else 'the GPU'}.",
        expected,
        *_scale(backbone, cohort),
        f"Domains told apart: {', '.join(domains)}." if domains else "Domain branch off.",
    ]
    if config.synthetic:
        made = int(cohort.synthetic.sum())
        if not made:
            raise LabError(
                "No synthetic patch of the training slides has passed the gate. Make some by "
                "`mmdnet augment`, or leave the choice off. Nothing was started."
            )
        lines.append(f"Synthetic patches of training slides: {made}; nothing is judged by them.")
    if config.pretrain_epochs:
        lines.append(
            f"Self-supervised warm-up first: {count(config.pretrain_epochs, 'epoch')} on patches without labels."
        )
    if warm_up:
        lines.append(f"Warm-up on single graded patches: {warm_up} of {count(config.epochs, 'epoch')}.")
    return CheckReport(tuple(lines), tuple(warnings), trained, domains, device, mode, warm_up, expected)


def _weaknesses(config: TrainingConfig, slides: int, mode: str, device: str, warm_up: int) -> list[str]:
    """What weakens a training by its choices, with so many slides to learn from."""
    warnings = []
    if min(slides, config.bags_per_step) < FEWEST_TOGETHER:
        warnings.append(
            f"A step sees bags of {min(slides, config.bags_per_step)} slides only; with fewer than {FEWEST_TOGETHER} "
            "the network learns slides instead of grades."
        )
    if config.compile and device == "cpu":
        warnings.append("Compiling the backbone takes minutes on a processor and gains little: it is left out.")
    if mode == "fast" and not warm_up and not config.pretrained:
        warnings.append("The backbone is frozen at random weights: give it warm-up epochs or a weights file.")
    if config.preset == "paper" and not config.pretrained:
        warnings.append(
            f"The published networks start from ImageNet weights, and none of {config.backbone} are at hand: it starts "
            "at random. Give their safetensors file (weights) to train as published."
        )
    return warnings


def _scale(backbone: Backbone, cohort: Cohort) -> list[str]:
    """What is done to the patches' scale where the backbone takes one side alone, or learnt at another scale.

    Raises:
        LabError: the patches come to it at a scale too far from the one it learnt at.
    """
    side = backbone.input_px or cohort.patch_px
    seen = cohort.patch_mpp * cohort.patch_px / side
    learnt = backbone.um_per_px
    resized = (
        f"Patches of {cohort.patch_px} px at {cohort.patch_mpp:g} µm/px are resized to {side} px, {seen:.2g} µm/px"
    )
    if learnt is not None and not 1 / MOST_SCALED <= seen / learnt <= MOST_SCALED:
        raise LabError(
            f"The backbone {backbone.name} learnt from images at {learnt:g} µm/px, and these patches would come to it "
            f"at {seen:.2g} µm/px, where it knows nothing. Choose another backbone, or add the slides to a lab whose "
            "patches are nearer to its scale (MMDNET_PATCH_PX, MMDNET_PATCH_MPP)."
        )
    if side == cohort.patch_px:
        return []
    return [f"{resized}." if learnt is None else f"{resized}; {backbone.name} learnt at {learnt:g} µm/px."]


def _start(config: TrainingConfig) -> str:
    """Where the backbone's weights come from, in words."""
    entry = backbone_entry(config.backbone)
    if config.weights and (fetched := origin_of(config.weights)):
        return f"from {fetched.words}, {fetched.licence or 'no licence stated'}"
    if config.weights:
        return f"from {config.weights.name}"
    if entry and entry.packaged:
        return f"from {entry.packaged.trained_on} weights, {entry.packaged.licence}"
    return "from random weights"


def _expected(backbone: Backbone, cohort: Cohort, config: TrainingConfig, mode: str, warm_up: int, slides: int) -> str:
    """What will be done and how long it should take, from some patches on this machine's processor.

    A step costs three times the backbone's forward pass. A GPU is many times faster; how many is not measured here.
    """
    side = backbone.input_px or cohort.patch_px
    patches = torch.zeros(4, 3, side, side)
    backbone.eval()
    with torch.inference_mode():
        backbone(patches)
        began = time.perf_counter()
        backbone(patches)
    backbone.train()
    seconds = (time.perf_counter() - began) / len(patches)
    step_s = 3 * seconds * (config.bags_per_epoch or 5 * slides) * config.bag_size
    frozen = int(np.isin(cohort.slide_index, cohort.labelled_slides()).sum()) * seconds
    if mode == "full":
        return f"The whole network is trained: {_lasting(step_s)} an epoch on this machine's processor, less on a GPU."
    first = f"{_lasting(warm_up * step_s)} of warm-up and " if warm_up else ""
    return (
        f"The backbone stays frozen{' after its warm-up' if warm_up else ''}: its features are computed once, "
        f"{first}{_lasting(frozen)} on this machine's processor; each epoch after that takes seconds."
    )


def _lasting(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.0f} h"


def _labels(cohort: Cohort, split: Split, warnings: list[str]) -> tuple[tuple[str, ...], list[str]]:
    if not cohort.labelled_slides():
        raise LabError("There are no labels to train on. Label some patches, or enter the slides' own grades, first.")
    counts = grade_counts(cohort, split.train)
    trained = tuple(task.name for task in TASKS if len(counts[task.name]) >= 2)
    if not trained:
        raise LabError(
            "The labels to train on hold no task with two different grades, so there is nothing to tell apart. "
            "Label more patches, on other slides too."
        )
    lines = []
    for task in TASKS:
        graded = counts[task.name]
        if task.name not in trained:
            what = f"only grade {next(iter(graded))}" if graded else "no grade"
            warnings.append(f"{task.title}: {what} among the training labels, so this task is not trained.")
            continue
        known = ", ".join(f"{graded[g]} of grade {g}" for g in sorted(graded))
        lines.append(f"{task.title}: {known}; {_whose(cohort, split.train, task.name)}.")
        missing = [str(g.value) for g in task.grades if not graded[g.value]]
        if missing:
            warnings.append(f"{task.title}: no training label of grade {' or '.join(missing)}.")
    return trained, lines


def _whose(cohort: Cohort, slides: Sequence[int], task_name: str) -> str:
    """How many slides and patients teach a task, by what."""
    t = TASK_NAMES.index(task_name)
    by_grade = [s for s in slides if cohort.weakly_graded(s)[t] and len(cohort.patches_of(s))]
    rows = (cohort.grades[:, t] != UNKNOWN) & ~cohort.ignored
    by_patches = sorted(set(cohort.slide_index[rows].tolist()) & set(slides))
    patients = len({cohort.slides[s].person for s in (*by_grade, *by_patches)})
    said = [f"{_slides_by(len(by_patches))} patches"] if by_patches else []
    said += [f"{_slides_by(len(by_grade))} own grade (trust {cohort.slide_trust:g})"] if by_grade else []
    return f"{' and '.join(said)}, {count(patients, 'patient')}"


def _slides_by(number: int) -> str:
    return f"{count(number, 'slide')} by {'its' if number == 1 else 'their'}"


def _patients(cohort: Cohort, warnings: list[str]) -> None:
    """Name the labelled slides whose patient nobody stated."""
    bare = [cohort.slides[s] for s in cohort.labelled_slides() if not cohort.slides[s].patient]
    if bare:
        names = ", ".join(slide.name or f"slide {slide.slide_id}" for slide in bare[:NAMED])
        more = f" and {len(bare) - NAMED} more" if len(bare) > NAMED else ""
        warnings.append(
            f"No patient is stated for {names}{more}: each counts as a patient of its own. If two are of one patient, "
            "it trains and tests at once and every figure is too good. Enter the patients with the slides' facts."
        )


def _domains(cohort: Cohort, split: Split, config: TrainingConfig, mode: str, warnings: list[str]) -> tuple[str, ...]:
    of_slide, names = cohort.domains(config.domain_key)
    teaching = of_slide[np.intersect1d(split.train, cohort.labelled_slides())]
    slides = {name: int((teaching == d).sum()) for d, name in enumerate(names)}
    there = tuple(name for name in names if slides[name])
    if config.domain_key == "none":
        return ()
    if mode == "fast":
        warnings.append("Domain branch off: a frozen backbone cannot unlearn a domain; train the whole network.")
        return ()
    if len(there) < 2:
        warnings.append(f"All training slides are of one {config.domain_key} (or it is not known): domain branch off.")
        return ()
    single = [name for name in there if slides[name] == 1]
    if single and config.domain_key not in ("slide", "patient"):
        warnings.append(f"Domain with a single slide, told apart by that slide's own look: {', '.join(single)}.")
    return there


def _memory(backbone: Backbone, patch_px: int, config: TrainingConfig, mode: str, device: str) -> None:
    """Refuse a step that would not fit.

    The outputs of all layers for one patch, twice (forward and gradient), times the patches of a step.
    """
    if mode == "fast" and not config.warm_up:
        return
    sizes: list[int] = []
    leaves = [layer for layer in backbone.modules() if not list(layer.children())]
    hooks = [leaf.register_forward_hook(lambda m, i, o: sizes.append(_bytes(o))) for leaf in leaves]
    with torch.no_grad():
        backbone(torch.zeros(1, 3, patch_px, patch_px))
    for hook in hooks:
        hook.remove()
    patches = config.bag_size * config.bags_per_step // config.processes
    at_once = min(patches, config.microbatch_size or patches)
    needed = 2 * sum(sizes) * at_once * (0.5 if device == "cuda" else 1) * (config.processes if device == "cpu" else 1)
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else psutil.virtual_memory().available
    if needed > free:
        raise LabError(
            f"One training step would need about {needed / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} GiB are "
            "free. Choose fewer patches at once, fewer bags per step, a smaller backbone, or fast training."
        )


def _bytes(output: object) -> int:
    return output.numel() * output.element_size() if isinstance(output, torch.Tensor) else 0
