"""A site never trained on, with grade tied to stain in training: what the domain part adds."""

from benchmarks.result import Result
from mmdnet.cli_parts import experiments_folder
from mmdnet.experiments.domain import NONE, VARIANTS, DomainSetting, domain_summary, run_domain

SEEDS = 5


def run(quick: bool = False) -> Result:
    """All weightings and domain keys of `mmdnet experiment domain`; what is trained already is not again.

    `value` is the most that any adds to the mean kappa on the new site. Quick: one seed.
    """
    seeds = 1 if quick else SEEDS
    figures = domain_summary(run_domain(DomainSetting(), VARIANTS, range(seeds), experiments_folder()))
    added = {name: facts["added_on_new_site"]["mean"] for name, facts in figures.items() if name != NONE}
    beside = {"setting": DomainSetting().name, "by_variant": figures}
    return Result("domain", max(added.values()), "mean quadratic kappa added on a new site", beside, seeds)
