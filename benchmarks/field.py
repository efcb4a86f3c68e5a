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
from mmdnet.experiments.field.result import read_field
from mmdnet.nn.baselines.registry import BASELINES

SEEDS = 5
RUN = "import sys; from mmdnet.cli import main; sys.exit(main())"


def run(quick: bool = False) -> Result:
    """All methods on 40 simulated slides whose features are there. Quick: one seed.

    `value` is how many times less processor time one command for all takes than a command for each, whole processes
    both; `heads_alone` is how much of the one command's time the heads' own steps are.
    """
    simulated_data(experiments_folder())
    seeds = 1 if quick else SEEDS
    together, minutes, said = _command([], seeds)
    apart = sum(_command(["-m", name], seeds)[0] for name in BASELINES)
    result = read_field(said)
    comparison = Comparison(result)
    heads = sum(cell.cost.train_processor_s for cell in result.cells)
    kappas = {method: _rounded(comparison.spread(method, MEAN).mean) for method in result.methods}
    beside = {
        "reach": 3, "wall_min": round(minutes, 2), "together_processor_s": round(together, 1),
        "apart_processor_s": round(apart, 1), "heads_processor_s": round(heads, 1),
        "heads_alone": round(heads / together, 2), "methods": len(result.methods), "kappa_mean": kappas,
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


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
