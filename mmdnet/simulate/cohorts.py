"""Cohorts whose densities lie across the cuts between grades, at any prevalence, site, stain, scanner and staining run.

The older sets of `recipes` leave room around every cut, so that a slide's grade is never in doubt; here a slide may lie
as near to a cut as real ones do. `size_for` makes a slide as large as a wanted number of patches.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from mmdnet.errors import LabError
from mmdnet.labels.grading import STEATOSIS_CUTS
from mmdnet.simulate.outline import tissue_outlines
from mmdnet.simulate.recipes import FORMS, HE, NEW_SITE, SITES, STAINS, Site, SlideRecipe
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX

CONTINUOUS, NATURAL, NONE = "continuous", "natural", "none"
LESIONS = (CONTINUOUS, NATURAL, NONE)


@dataclass(frozen=True, slots=True)
class Size:
    """About how many patches a slide holds, and its form; None takes the site's own."""

    patches: int
    form: str | None = None


SIZES = {"small": Size(120), "biopsy": Size(2_400, "needle"), "wedge": Size(15_000, "wedge")}

# Densities of each grade, without a gap between the grades: ballooned cells and foci per 200x field, share of fatty
# hepatocytes. Kleiner's cuts; the outer ends are our choice. Where a grade is 0 to 0, no lesion is drawn.
RANGES: Mapping[str, tuple[tuple[float, float], ...]] = {
    "ballooning": ((0, 0), (0.2, 4), (4, 14)),
    "inflammation": ((0, 0), (0.2, 2), (2, 4), (4, 10)),
    "steatosis": tuple(itertools.pairwise((0.0, *STEATOSIS_CUTS, 0.92))),
}
# How often each grade is met among patients referred for a biopsy. About half have a NAS of 5 or more, as did the 976
# adults of Brunt 2011 (Hepatology 53:810); the shares of single grades are our choice.
NATURAL_PREVALENCE: Mapping[str, tuple[float, ...]] = {
    "ballooning": (0.30, 0.32, 0.38),
    "inflammation": (0.04, 0.44, 0.36, 0.16),
    "steatosis": (0.05, 0.36, 0.34, 0.25),
}
TOGETHER = 0.45  # correlation of the three features' latent severity at natural prevalence
CORE_UM2, CORE_PITCH_UM = 18e6, 2_300.0  # a core of about 15 mm; how far cores lie apart
HEALTHY_FAT = 0.03  # share of fatty hepatocytes that healthy liver has at most
PIECES_SD = 0.15  # of the log density between two pieces of one liver


@dataclass(frozen=True, slots=True)
class CohortPlan:
    """What a cohort shall hold.

    Attributes:
        slides: how many.
        seed: of patients, densities and slides; other seeds share no patient.
        lesions: `continuous` has every grade equally often, features independent; `natural` as a clinic meets them,
            features rising together; `none` is healthy liver, a control.
        slides_per_patient: pieces of one liver; their densities differ a little, as sampling does.
        patches: about how many patches of 149.5 µm a slide holds.
        form: needle or wedge; None takes the site's own.
        sites: by name, patients in turn; names other than the simulator's are new sites with an H&E and a scanner of
            their own.
        stains: in place of the sites' own, spread evenly over the patients.
        scanners: in place of the sites' own, spread evenly over the patients.
        runs_per_site: staining runs of each site; 0 tells none apart.
    """

    slides: int
    seed: int = 0
    lesions: str = CONTINUOUS
    slides_per_patient: int = 2
    patches: int = SIZES["small"].patches
    form: str | None = None
    sites: tuple[str, ...] = tuple(site.name for site in SITES)
    stains: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    runs_per_site: int = 0

    def __post_init__(self) -> None:
        if self.lesions not in LESIONS:
            raise LabError(f"Lesions are {', '.join(LESIONS)}, not '{self.lesions}'. Nothing was drawn.")
        if self.form is not None and self.form not in FORMS:
            raise LabError(f"A simulated biopsy is a {' or a '.join(FORMS)}, not '{self.form}'. Nothing was drawn.")
        if not 1 <= self.slides <= 10_000:
            raise LabError(f"A cohort has 1 to 10,000 slides, not {self.slides}. Nothing was drawn.")
        if not 4 <= self.patches <= 100_000:
            raise LabError(f"A simulated slide has 4 to 100,000 patches, not {self.patches}. Nothing was drawn.")
        if self.slides_per_patient < 1 or self.runs_per_site < 0 or not self.sites:
            raise LabError("A cohort needs a site, one slide or more of a patient, and no negative number of runs.")
        for stain in self.stains:
            if stain not in STAINS:
                raise LabError(f"There is no stain '{stain}' in the simulator. Choose one of: {', '.join(STAINS)}.")


def cohort_recipes(plan: CohortPlan) -> list[SlideRecipe]:
    """The recipes of a cohort; the same plan gives the same slides.

    Site, stain, scanner and staining run are drawn without regard to the densities: none gives a grade away.
    """
    rng = np.random.default_rng([plan.seed, 17])
    patients = -(-plan.slides // plan.slides_per_patient)
    densities = patient_densities(plan.lesions, patients, rng)
    sites = [_site(name) for name in plan.sites]
    stains, scanners = _spread(plan.stains, patients, rng), _spread(plan.scanners, patients, rng)
    runs = _spread(tuple(str(run + 1) for run in range(plan.runs_per_site)), patients, rng)
    recipes = []
    for index in range(plan.slides):
        patient = index // plan.slides_per_patient
        site = sites[patient % len(sites)]
        recipe = SlideRecipe(
            seed=5_000_000 + 10_000 * plan.seed + index,
            patient=f"C{plan.seed}-{patient:04d}",
            site=site.name,
            scanner=scanners[patient] or site.scanner,
            stain=stains[patient] or site.stain,
            form=plan.form or site.form,
            artefacts=site.artefacts,
            densities=_of_piece(densities[patient], rng),
            staining_run=f"{site.name} run {runs[patient]}" if runs[patient] else "",
        )
        recipes.append(size_for(recipe, plan.patches))
    return recipes


def is_control(recipe: Mapping[str, object]) -> bool:
    """Whether a recipe, as plain values, asks for liver without a lesion."""
    densities = recipe.get("densities")
    return (
        isinstance(densities, Mapping)
        and densities.get("inflammation") == densities.get("ballooning") == 0
        and (densities.get("steatosis", 1) < HEALTHY_FAT)
    )


def size_for(recipe: SlideRecipe, patches: int) -> SlideRecipe:
    """The recipe with the width and height that hold about so many patches of 149.5 µm.

    A wedge's slide is square. Needle cores lie beside each other, one for each 18 mm² of tissue but at most three.
    """
    wanted_um2 = patches * (PATCH_PX * PATCH_MPP) ** 2
    cores = int(np.clip(np.ceil(wanted_um2 / CORE_UM2), 1, 3))
    long_um = float(np.sqrt(wanted_um2 / 0.75)) if recipe.form == "wedge" else wanted_um2 / (cores * 1_100)
    for _ in range(6):  # the outline follows from the size, so the size is found by trying
        short_um = long_um if recipe.form == "wedge" else min(cores * CORE_PITCH_UM, long_um)
        width, height = (max(256, round(length / recipe.mpp)) for length in (long_um, short_um))
        recipe = replace(recipe, width_px=width, height_px=height)
        ratio = wanted_um2 / sum(map(_area_um2, tissue_outlines(recipe)))
        if abs(ratio - 1) < 0.005:
            break
        long_um *= ratio**0.5 if width == height else ratio
    return recipe


def _area_um2(outline: np.ndarray) -> float:
    """Area of a polygon (the shoelace formula)."""
    x, y = outline.T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def _site(name: str) -> Site:
    known = {site.name: site for site in (*SITES, NEW_SITE)}
    return known.get(name) or Site(name, f"Scanner of {name}", HE, "wedge", 1.0)


def _spread(choices: Sequence[str], patients: int, rng: np.random.Generator) -> list[str]:
    """A choice for each patient, all equally often; empty where there is nothing to choose."""
    if not choices:
        return [""] * patients
    return [choices[place] for place in rng.permutation(np.arange(patients) % len(choices))]


def patient_densities(lesions: str, patients: int, rng: np.random.Generator) -> list[dict[str, float]]:
    """Densities by task name, one record for each patient."""
    if lesions == NONE:
        return [
            {"ballooning": 0.0, "inflammation": 0.0, "steatosis": float(rng.uniform(0, HEALTHY_FAT))}
            for _ in range(patients)
        ]
    columns: dict[str, list[float]] = {}
    shared = rng.standard_normal(patients)
    for name, ranges in RANGES.items():
        if lesions == NATURAL:
            latent = np.sqrt(TOGETHER) * shared + np.sqrt(1 - TOGETHER) * rng.standard_normal(patients)
            ranks, prevalence = norm.cdf(latent), NATURAL_PREVALENCE[name]
        else:
            ranks = (rng.permutation(patients) + rng.random(patients)) / patients
            prevalence = (1 / len(ranges),) * len(ranges)
        columns[name] = [density_at(float(rank), ranges, prevalence) for rank in ranks]
    return [{name: values[i] for name, values in columns.items()} for i in range(patients)]


def density_at(rank: float, ranges: Sequence[tuple[float, float]], prevalence: Sequence[float]) -> float:
    """The density that a share `rank` (0-1) of patients stays under.

    Within a grade the logarithm is spread evenly where the grade counts lesions, the share itself where it starts at 0
    or ends under 1.
    """
    edges = np.r_[0, np.cumsum(prevalence)] / sum(prevalence)
    grade = min(int(np.searchsorted(edges, rank, side="right")) - 1, len(ranges) - 1)
    low, high = ranges[grade]
    within = (rank - edges[grade]) / (edges[grade + 1] - edges[grade])
    if low > 0 and high > 1:
        return float(low * (high / low) ** within)
    return float(low + (high - low) * within)


def _of_piece(densities: Mapping[str, float], rng: np.random.Generator) -> dict[str, float]:
    """One piece of a liver: its densities around the liver's own; what is not there is not there in any piece."""
    factors = np.exp(rng.normal(0, PIECES_SD, len(densities)))
    varied = {name: value * float(factor) for (name, value), factor in zip(densities.items(), factors, strict=True)}
    return varied | {"steatosis": min(varied["steatosis"], 0.95)}
