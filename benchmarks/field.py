"""Every method of the field at once, beside one after another: they share features and bags."""

import time

import torch

from benchmarks.result import Result
from mmdnet.cli_parts import experiments_folder
from mmdnet.experiments.field.comparison import MEAN, Comparison
from mmdnet.experiments.field.data import FieldData, extractor_of, simulated_data
from mmdnet.experiments.field.plan import FieldPlan
from mmdnet.experiments.field.run import run_field
from mmdnet.nn.device import PATCHES_AT_ONCE

SEEDS, SAMPLE = 5, 256


def run(quick: bool = False) -> Result:
    """All methods on 40 simulated slides; what is trained already is not again. Quick: one seed.

    `value` is how many times less processor time they take together than one after another, each with its own pass
    over the patches, as separate programs do; `heads_alone` is the same without the patches' pass.
    """
    torch.set_num_threads(2)
    data = simulated_data(experiments_folder())
    seeds = 1 if quick else SEEDS
    plan = FieldPlan(seeds=tuple(range(seeds)))
    began = time.monotonic()
    comparison = Comparison(run_field(data, plan, experiments_folder() / "field"))
    minutes = (time.monotonic() - began) / 60
    features = _features_s(data)
    heads = sum(cell.cost.train_processor_s for cell in comparison.result.cells)
    count = len(plan.asked)
    shared = _bags_s(data, plan) * seeds
    together, apart = features + shared + heads, count * (features + shared) + heads
    kappas = {method: _rounded(comparison.spread(method, MEAN).mean) for method in comparison.result.methods}
    beside = {
        "reach": 3, "heads_alone": round((count * shared + heads) / (shared + heads), 2),
        "wall_min": round(minutes, 2), "features_processor_s": round(features, 1), "heads_processor_s": round(heads, 1),
        "bags_processor_s": round(shared, 1), "methods": count, "kappa_mean": kappas,
    }  # fmt: skip
    return Result("field", apart / together, "times less processor time than one after another", beside, seeds)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _features_s(data: FieldData) -> float:
    """Processor-seconds of the frozen network over all patches, at one scale, by a sample."""
    net = extractor_of().net
    pixels = torch.randint(256, (PATCHES_AT_ONCE, 3, 299, 299), dtype=torch.uint8)
    with torch.inference_mode():
        net.embed(pixels)
        began = time.process_time()
        for _ in range(SAMPLE // PATCHES_AT_ONCE):
            net.embed(pixels)
    return (time.process_time() - began) / SAMPLE * len(data.features)


def _bags_s(data: FieldData, plan: FieldPlan) -> float:
    """Processor-seconds to draw and read a seed's training bags, which each method alone would do again."""
    from mmdnet.experiments.field.bags import parts_of
    from mmdnet.experiments.field.learning import grade_weights, make_batch
    from mmdnet.training.batch_loader import in_steps

    part = parts_of(data.cohort, plan)[0]
    domains = data.cohort.domains("scanner+stain")[0]
    began = time.process_time()
    for epoch in range(3):
        bags = part.training_bags(epoch)
        for chosen in in_steps(bags, plan.bags_per_step):
            make_batch(data, chosen, domains, grade_weights(bags))
    return (time.process_time() - began) / 3 * plan.epochs
