"""What each part of the network is worth: the full one against itself without it, on the same seeds."""

from benchmarks.result import Result
from mmdnet.cli_parts import experiments_folder
from mmdnet.experiments.ablation import ABLATION, FEW_GRADES, FULL, run_variants, summary, worth
from mmdnet.labels.grading import TASK_NAMES

SEEDS = 5


def run(quick: bool = False) -> Result:
    """All variants of `mmdnet experiment ablation`; what is trained already is not again. Quick: one seed.

    `value` is the full network's mean kappa less the best other's, the three networks of a single task counting as one:
    not below 0 is the reach.
    """
    seeds = 1 if quick else SEEDS
    results = run_variants(FEW_GRADES, ABLATION, range(seeds), experiments_folder())
    kappas = summary(results)
    others = {v.name: kappas[v.name]["mean"]["mean"] for v in ABLATION if v.task is None and v.name != FULL}
    others["single tasks"] = sum(kappas[f"only-{task}"][task]["mean"] for task in TASK_NAMES) / len(TASK_NAMES)
    beside = {"reach": 0.0, "test": kappas, "worth_of_what_is_left_out": worth(results), "setting": FEW_GRADES.name}
    value = kappas[FULL]["mean"]["mean"] - max(others.values())
    return Result("ablation", value, "mean quadratic kappa above the best variant", beside, seeds)
