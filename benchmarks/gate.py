"""[gate] Planted children of simulated patches before the gate: bad ones refused, true light variants kept."""

from collections import Counter

import numpy as np
import torch

from benchmarks._kept import kept
from benchmarks._planted import BAD, LIGHT, Planter
from benchmarks.result import Result
from mmdnet.augment.gate import fit_reference, judge, look_at
from mmdnet.augment.stain_swap import measure_stain
from mmdnet.bags.cohort import Cohort, PixelSource
from mmdnet.experiments.simulated_cohorts import draw
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.nn.backbones import create_backbone
from mmdnet.nn.io import load_model
from mmdnet.nn.packaged import packaged_weights
from mmdnet.nn.registry import PRETRAINED
from mmdnet.settings import DEMO_MODEL
from mmdnet.simulate.recipes import domain_recipes
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX
from mmdnet.training.simulated import simulated_cohort
from mmdnet.workflows.augmenting.gate_networks import GateNetworks

REFUSED, KEPT_SHARE = 0.98, 0.90
REFERENCE = 64


def run(quick: bool = False) -> Result:
    """`value` is the least share refused of any kind of bad children; beside it the share of light variants kept.

    Features by the pretrained backbone, grades by the model that comes with the program. Quick: 20 of each kind,
    not 500.
    """
    torch.set_num_threads(1)
    each = 20 if quick else 500
    cohort, pixels = _cohort()
    some = [np.flatnonzero(cohort.slide_index == s)[::4][:16] for s in range(len(cohort.slides))]
    stains = [measure_stain(pixels.read(places)) for places in some]
    assert all(stain is not None for stain in stains)
    planter = Planter(cohort, pixels, [stain for stain in stains if stain is not None])
    networks = _networks()
    random = np.random.default_rng(0)
    usable = np.flatnonzero(~cohort.ignored)
    sites = np.array([slide.site for slide in cohort.slides])[cohort.slide_index]
    references = {}
    for site in sorted(set(sites[usable])):
        drawn = random.permutation(usable[sites[usable] == site])[:REFERENCE]
        references[site] = fit_reference(pixels.read(np.sort(drawn)), networks.embed)
    verdicts: dict[str, Counter[str]] = {kind: Counter() for kind in (LIGHT, *BAD)}
    steatosis = TASK_NAMES.index("steatosis")
    for place in random.choice(usable, each).tolist():
        plants = {LIGHT: planter.light_variant(place, random)}
        plants |= {kind: plant(planter, place, random) for kind, plant in BAD.items()}
        images = np.stack([planter.parent(place), *plants.values()])
        own, *looks = look_at(images, PATCH_MPP, networks.embed, networks.expected_grades(images))
        for kind, look in zip(plants, looks, strict=True):
            grade = int(cohort.grades[place, steatosis])
            verdicts[kind][judge(look, own, [], references[sites[place]], grade).refused or "kept"] += 1
    refused = {kind: 1 - counts["kept"] / each for kind, counts in verdicts.items()}
    kept = 1 - refused.pop(LIGHT)
    beside = {
        "reach": REFUSED,
        "also": {"of light variants kept": (kept, "least", KEPT_SHARE)},
        "refused": {kind: round(share, 4) for kind, share in refused.items()},
        "reasons": {kind: dict(counts) for kind, counts in verdicts.items()},
        "of_each": each,
    }
    return Result("gate", min(refused.values()), "share of the worst kind refused", beside, 1)


def _cohort() -> tuple[Cohort, PixelSource]:
    """Six simulated slides of two sites, one stained H&E and one trichrome."""
    paths = draw(domain_recipes(6, 3, tied=0.9, size_px=2400).training, kept("benchmarks") / "gate" / "slides")
    return simulated_cohort(paths, kept("benchmarks") / "gate" / "patches")


def _networks() -> GateNetworks:
    network = create_backbone(PRETRAINED, PATCH_PX, packaged_weights(PRETRAINED)).eval()
    model, card = load_model(DEMO_MODEL)
    tasks = tuple(name for name in TASK_NAMES if name in card.trained_tasks)
    return GateNetworks(PRETRAINED, "cpu", network, model.eval(), card.weights_sha256, tasks)
