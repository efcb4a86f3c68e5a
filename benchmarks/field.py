"""Every method of the field by one command, beside each by a command of its own: together they share their bags."""

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.result import Result
from mmdnet.cli_parts import experiments_folder
from mmdnet.experiments.ablation import home_of
from mmdnet.experiments.field.comparison import MEAN, Comparison
from mmdnet.experiments.field.data import SEED, SLIDES, simulated_data
from mmdnet.experiments.field.plan import usual_methods
from mmdnet.experiments.field.result import FieldResult, read_field

SEEDS = 5
SAMPLE = ("mean", "abmil", "mmd-net")
RUN = "import sys; from mmdnet.cli import main; sys.exit(main())"


def run(quick: bool = False) -> Result:
    """All methods on 40 simulated slides whose features are there.

    `value` is how many times less processor time one command for all takes than a command for each, whole processes
    both; `heads_share` is how much of the one command's time the heads' own steps are. Quick: one seed, and of three
    methods alone a command each: what those took beside their heads' steps is taken for the others'.
    """
    simulated_data(experiments_folder())
    seeds = 1 if quick else SEEDS
    together, minutes, said = _command([], seeds)
    result = read_field(said)
    comparison = Comparison(result)
    heads = _heads_s(result)
    if quick:
        alone = [_command(["-m", name], seeds) for name in SAMPLE]
        apart = heads + len(usual_methods()) * sum(took - _heads_s(read_field(own)) for took, _, own in alone) / len(
            SAMPLE
        )
    else:
        apart = sum(_command(["-m", name], seeds)[0] for name in usual_methods())
    kappas = {method: _rounded(comparison.spread(method, MEAN).mean) for method in result.methods}
    beside = {
        "reach": 3, "wall_min": round(minutes, 2), "together_processor_s": round(together, 1),
        "apart_processor_s": round(apart, 1), "heads_processor_s": round(heads, 1),
        "heads_share": round(heads / together, 2), "methods": len(result.methods), "kappa_mean": kappas,
    }  # fmt: skip
    return Result("field", apart / together, "times less processor time than one after another", beside, seeds)


def _command(asked: list[str], seeds: int) -> tuple[float, float, str]:
    """Processor-seconds and minutes of one command on features that are there, and its result as JSON; no training is.

    Raises:
        CalledProcessError: it failed.
    """
    with TemporaryDirectory() as folder:
        cohort = home_of(experiments_folder(), SLIDES, SEED)
        (Path(folder) / cohort.name).symlink_to(cohort.resolve())
        given = ["experiment", "field", *asked, "--seeds", str(seeds), "--folder", folder, "--threads", "1", "--json"]
        began, before = time.monotonic(), _children_s()
        done = subprocess.run([sys.executable, "-c", RUN, *given], check=True, capture_output=True, text=True)
        return _children_s() - before, (time.monotonic() - began) / 60, done.stdout


def _heads_s(result: FieldResult) -> float:
    return sum(cell.cost.train_processor_s for cell in result.cells)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
