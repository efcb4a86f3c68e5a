"""[unseen] What varying stain and scanner adds on a site and on a stain that training has never seen."""

from benchmarks.result import Result
from mmdnet.cli_parts import experiments_folder
from mmdnet.experiments.augment import VARIANTS, WITHOUT, AugmentSetting, augment_summary, run_augment

SEEDS = 5
SITE, STAIN = 0.10, 0.15
QUICK = AugmentSetting(slides=6, warm_up=5, on_bags=2, size_px=1800)


def run(quick: bool = False) -> Result:
    """Variants of `mmdnet experiment augment`; what is trained already is not again.

    `value` is the most that any variant adds to the mean kappa on the new site, beside what it adds on the new stain.
    Quick: one seed, few and small slides, and without stain augmentation, jitter and everything alone.
    """
    seeds, setting = (1, QUICK) if quick else (SEEDS, AugmentSetting())
    variants = [v for v in VARIANTS if not quick or v.name in (WITHOUT, "jitter", "all")]
    figures = augment_summary(run_augment(setting, variants, range(seeds), experiments_folder()))
    added = {name: facts["added_on_new_site"]["mean"] for name, facts in figures.items() if name != WITHOUT}
    best = max(added, key=added.__getitem__)
    beside = {
        "reach": SITE,
        "also": {"added on a new stain": (figures[best]["added_on_new_stain"]["mean"], "least", STAIN)},
        "best": best,
        "setting": setting.name,
        "by_variant": figures,
    }
    return Result("unseen", added[best], "mean quadratic kappa added on a new site", beside, seeds)
