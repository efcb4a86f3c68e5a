"""What a slide shall be: one recipe per slide, and the sets of recipes the product itself needs."""

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.grading import (
    TASKS,
    Task,
    slide_ballooning_grade,
    slide_inflammation_grade,
    steatosis_grade,
)
from mmdnet.slides import facts

HE, MASSON, GOLDNER = STAINS = (facts.HE, facts.MASSON, facts.GOLDNER)
FORMS = ("needle", "wedge")
DRAWN = {"ballooning", "inflammation", "steatosis"}  # tasks that can be drawn; slides have no grade of another
DRAWN_TASKS: tuple[Task, ...] = tuple(task for task in TASKS if task.name in DRAWN)  # as seeds draw the grades
GRADE_OF_DENSITY: Mapping[str, Callable[[float], int]] = {
    "ballooning": slide_ballooning_grade,
    "inflammation": slide_inflammation_grade,
    "steatosis": steatosis_grade,
}
HIGHEST_DENSITY = {"ballooning": 40.0, "inflammation": 40.0, "steatosis": 1.0}  # of lesions no more find room


@dataclass(frozen=True, slots=True)
class SlideRecipe:
    """Everything a simulated slide depends on; the same recipe gives the same bytes.

    The anatomy depends on seed, patient, form, size and grades only: the same recipe with another stain, scanner or
    site draws the same cells (a counterfactual pair).

    Attributes:
        grades: wanted grade of the slide by task name; a task left out is drawn from the seed. On very small slides a
            grade may be out of reach; the truth tells what was drawn.
        artefacts: mean number of folds, pen marks, bubbles and blurred regions on the slide.
        lesions: multiplies how many lesions the open-ended top grades hold (inflammation 3, ballooning 2), so that
            enough single patches show one.
        clustering: share of foci and ballooned cells that lie near another one.
        densities: wanted density by task name, in place of a grade: ballooned hepatocytes and lobular foci per 200x
            field, share of fatty hepatocytes (0-1).
        staining_run: slides stained together share the run's deviation of colour; without one there is none.
    """

    seed: int
    patient: str = "P01"
    site: str = "North"
    scanner: str = "Scanner A"
    stain: str = HE
    grades: Mapping[str, int] = field(default_factory=dict)
    width_px: int = 4000
    height_px: int = 4000
    mpp: float = 0.5
    form: str = "wedge"
    artefacts: float = 1.0
    lesions: float = 1.5
    clustering: float = 0.6
    densities: Mapping[str, float] = field(default_factory=dict)
    staining_run: str = ""

    def __post_init__(self) -> None:
        if self.stain not in STAINS:
            raise LabError(f"There is no stain '{self.stain}' in the simulator. Choose one of: {', '.join(STAINS)}.")
        if self.form not in FORMS:
            raise LabError(f"A simulated biopsy is a needle or a wedge, not '{self.form}'.")
        if min(self.width_px, self.height_px) < 256:
            raise LabError("A simulated slide needs at least 256 pixels in width and height.")
        if not 0.2 <= self.mpp <= 1.0:
            raise LabError(f"The simulator draws 0.2 to 1 µm per pixel, not {self.mpp:g}.")
        for task in DRAWN_TASKS:
            if not 0 <= self.grades.get(task.name, 0) <= task.highest:
                raise LabError(f"{task.title} has the grades 0 to {task.highest}, not {self.grades[task.name]}.")
        unknown = set(self.grades) - {task.name for task in DRAWN_TASKS}
        if unknown:
            raise LabError(f"There is no task '{sorted(unknown)[0]}' to give a grade for.")
        self._check_densities()

    def _check_densities(self) -> None:
        for name, density in self.densities.items():
            if name not in DRAWN:
                raise LabError(f"There is no task '{name}' to give a density for.")
            if name in self.grades:
                raise LabError(f"{name.capitalize()} has a grade and a density; a slide is drawn from one of them.")
            if not 0 <= density <= HIGHEST_DENSITY[name]:
                raise LabError(f"The density of {name} is 0 to {HIGHEST_DENSITY[name]:g}, not {density:g}.")

    @property
    def width_um(self) -> float:
        return self.width_px * self.mpp

    @property
    def height_um(self) -> float:
        return self.height_px * self.mpp

    @property
    def name(self) -> str:
        """File stem: site, patient, stain and seed in letters every file system takes."""
        stain = {HE: "he", MASSON: "masson", GOLDNER: "goldner"}[self.stain]
        return re.sub(r"[^\w-]", "-", f"{self.site}_{self.patient}_{stain}_{self.seed}".lower())

    def rng(self, purpose: str) -> np.random.Generator:
        """Random numbers of this slide for one purpose: adding a purpose leaves the others' numbers alone."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])

    def patient_rng(self, purpose: str) -> np.random.Generator:
        """Random numbers of the patient: alike on all slides of one patient."""
        return np.random.default_rng([zlib.crc32(self.patient.encode()), zlib.crc32(purpose.encode())])

    def wanted_grades(self) -> dict[str, int]:
        """The grade to draw for every task."""
        rng = self.rng("grades")
        drawn = {task.name: int(rng.integers(0, task.highest + 1)) for task in DRAWN_TASKS}
        asked = {name: GRADE_OF_DENSITY[name](density) for name, density in self.densities.items()}
        return drawn | dict(self.grades) | asked

    def to_json(self) -> dict[str, object]:
        """The recipe as plain values; one without densities or staining run reads as before there were any."""
        plain = asdict(self) | {"grades": dict(self.grades), "densities": dict(self.densities)}
        return {name: value for name, value in plain.items() if value or name not in {"densities", "staining_run"}}


@dataclass(frozen=True, slots=True)
class Site:
    """A hospital and its habits."""

    name: str
    scanner: str
    stain: str
    form: str
    artefacts: float


SITES = (
    Site("North", "Scanner A", HE, "wedge", 0.8),
    Site("South", "Scanner B", HE, "needle", 1.2),
    Site("West", "Scanner C", MASSON, "wedge", 0.8),
)
NEW_SITE = Site("East", "Scanner D", HE, "wedge", 1.0)  # never in a training set: for testing on an unseen site


def _recipe(
    site: Site, seed: int, patient: str, grades: Mapping[str, int], size_px: int, **more: object
) -> SlideRecipe:
    habits = {"form": site.form, "artefacts": site.artefacts} | more
    return SlideRecipe(
        seed=seed,
        patient=patient,
        site=site.name,
        scanner=site.scanner,
        stain=site.stain,
        grades=dict(grades),
        width_px=size_px,
        height_px=size_px,
        **habits,  # type: ignore[arg-type]
    )


# Ballooning, inflammation, steatosis of each demo patient's two slides. A second piece of one liver may differ by a
# grade: that is sampling error, and it is real (Ratziu 2005).
_DEMO_GRADES = (
    ((0, 0, 0), (0, 1, 0)),
    ((1, 1, 1), (1, 2, 1)),
    ((2, 3, 2), (2, 3, 3)),
    ((2, 2, 3), (1, 3, 3)),
    ((1, 0, 2), (2, 3, 1)),
    ((0, 2, 0), (0, 1, 1)),
)


def demo_recipes(seed: int = 0, size_px: int = 4000) -> list[SlideRecipe]:
    """Twelve slides of six patients from three sites, every grade of every task among them.

    Site and patient are crossed with the grades, so that neither stain nor scanner gives a grade away.
    """
    recipes = []
    for index, pair in enumerate(_DEMO_GRADES):
        site = SITES[index % len(SITES)]
        for part, grades in enumerate(pair):
            named = dict(zip((task.name for task in DRAWN_TASKS), grades, strict=True))
            form = "wedge" if part == 0 or site.form == "wedge" else "needle"
            recipes.append(
                _recipe(site, 1000 * seed + 10 * index + part, f"D{seed}{index + 1:02d}", named, size_px, form=form)
            )
    return recipes


def _balanced_grades(slides: int, rng: np.random.Generator) -> list[dict[str, int]]:
    """Grades of many slides: each task's grades equally often, tasks independent of each other."""
    columns = {task.name: rng.permutation(np.arange(slides) % (task.highest + 1)) for task in DRAWN_TASKS}
    return [{name: int(values[i]) for name, values in columns.items()} for i in range(slides)]


def training_recipes(
    slides: int, seed: int, size_px: int = 3000, slides_per_patient: int = 2, lesions: float = 3.0
) -> list[SlideRecipe]:
    """Slides for training: other patients and seeds than the demo's, sites in turn, grades balanced.

    Slides of one patient share their grades and their site. `lesions` is above the demo's, so that the rare patch
    grades are seen often enough to be learned.
    """
    rng = np.random.default_rng([seed, 7])
    patients = -(-slides // slides_per_patient)
    grades = _balanced_grades(patients, rng)
    recipes = []
    for index in range(slides):
        patient = index // slides_per_patient
        site = SITES[patient % len(SITES)]
        recipes.append(
            _recipe(
                site,
                1_000_000 + 10_000 * seed + index,
                f"T{seed}-{patient:03d}",
                grades[patient],
                size_px,
                lesions=lesions,
                clustering=0.7,
            )
        )
    return recipes


@dataclass(frozen=True, slots=True)
class DomainRecipes:
    """A confounded experiment: in `training` the stain (site) foretells the grade; in the two test sets it does not."""

    training: list[SlideRecipe]
    known_sites: list[SlideRecipe]
    new_site: list[SlideRecipe]


def domain_recipes(slides: int, seed: int, tied: float = 0.9, size_px: int = 2400) -> DomainRecipes:
    """Slides for testing whether a network leans on the stain.

    Args:
        slides: number in each of the three sets; every slide is its own patient.
        seed: of grades, sites and slides.
        tied: share of training slides whose site follows their grades: the ill ones from West (trichrome), the others
            from North (H&E). 0.5 ties nothing, 1 ties all.
    """
    rng = np.random.default_rng([seed, 11])
    north, west = SITES[0], SITES[2]
    sets: dict[str, list[SlideRecipe]] = {}
    for number, kind in enumerate(("training", "known", "new")):
        recipes = []
        for index, grades in enumerate(_severity_ordered(slides, rng)):
            ill = index >= slides / 2
            if kind == "training":
                site = (west if ill else north) if rng.random() < tied else (north if ill else west)
            else:
                site = NEW_SITE if kind == "new" else (north, west)[int(rng.integers(2))]
            slide_seed = 2_000_000 + 30_000 * seed + 10_000 * number + index
            recipes.append(_recipe(site, slide_seed, f"X{seed}-{kind}-{index:03d}", grades, size_px, form="wedge"))
        sets[kind] = recipes
    return DomainRecipes(sets["training"], sets["known"], sets["new"])


@dataclass(frozen=True, slots=True)
class UnseenRecipes:
    """Slides for testing where training has never been: H&E of two sites, a third site's H&E, and a trichrome stain."""

    training: list[SlideRecipe]
    known_sites: list[SlideRecipe]
    new_site: list[SlideRecipe]
    new_stain: list[SlideRecipe]


def unseen_recipes(slides: int, seed: int, size_px: int = 2400) -> UnseenRecipes:
    """So many slides in each of the four sets, every slide its own patient, grades balanced and tied to nothing."""
    rng = np.random.default_rng([seed, 13])
    places = {"training": SITES[:2], "known": SITES[:2], "new": (NEW_SITE,), "stain": (SITES[2],)}
    sets = []
    for number, (kind, sites) in enumerate(places.items()):
        sets.append(
            [
                _recipe(
                    sites[index % len(sites)],
                    5_000_000 + 40_000 * seed + 10_000 * number + index,
                    f"U{seed}-{kind}-{index:03d}",
                    grades,
                    size_px,
                    form="wedge",
                    lesions=3.0,
                )
                for index, grades in enumerate(_balanced_grades(slides, rng))
            ]
        )
    return UnseenRecipes(*sets)


def _severity_ordered(slides: int, rng: np.random.Generator) -> list[dict[str, int]]:
    """Grades that rise together from the first slide to the last, each task with a little noise of its own."""
    severity = np.linspace(0, 0.999, slides)
    drawn = {
        task.name: np.clip((severity + rng.normal(0, 0.12, slides)), 0, 0.999) * (task.highest + 1)
        for task in DRAWN_TASKS
    }
    return [{name: int(values[i]) for name, values in drawn.items()} for i in range(slides)]
