"""`mmdnet simulate`: slides with known truth, as the demo has them, or a cohort as a study would meet it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmdnet.cli_parts import AsJson, bar, say, write_out
from mmdnet.errors import LabError
from mmdnet.words import count

if TYPE_CHECKING:
    from mmdnet.simulate.recipes import SlideRecipe

GRADES = "grades"
TABLE = "slides.csv"


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where the slides and their truth are written.")],
    slides: Annotated[int, typer.Option(min=1, max=10_000, help="How many slides.")] = 12,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes; another seed, other patients.")] = 0,
    demo: Annotated[bool, typer.Option("--demo", help="The demo project's twelve slides.")] = False,
    lesions: Annotated[
        str,
        typer.Option(
            help="grades: slides well inside a grade. continuous: densities across the cuts, grades equally often. "
            "natural: the same, as often as a clinic meets them. none: healthy liver, as a control."
        ),
    ] = GRADES,
    size: Annotated[
        str | None, typer.Option(help="small (120 patches), biopsy (2,400 patches, cores) or wedge (15,000 patches).")
    ] = None,
    patches: Annotated[
        int | None, typer.Option(help="About how many patches a slide holds, in place of --size.")
    ] = None,
    form: Annotated[str | None, typer.Option(help="needle or wedge, in place of the site's own.")] = None,
    site: Annotated[
        list[str] | None,
        typer.Option(help="Sites the patients come from, in turn: North, South, West, East or new ones."),
    ] = None,
    stain: Annotated[
        list[str] | None, typer.Option(help="Stains in place of the sites' own; give it again for more.")
    ] = None,
    scanner: Annotated[list[str] | None, typer.Option(help="Scanners in place of the sites' own; any name.")] = None,
    runs: Annotated[
        int, typer.Option(min=0, max=99, help="Staining runs of each site, told apart by their colour.")
    ] = 0,
    slides_per_patient: Annotated[int, typer.Option(min=1, max=20, help="Pieces of one liver.")] = 2,
    processes: Annotated[int, typer.Option(min=1, max=64)] = 2,
    as_json: AsJson = False,
) -> None:
    """Draw liver slides with known truth: pyramidal TIFFs, a truth file beside each, a table of facts and grades."""
    from mmdnet.simulate.slide import simulate_many

    asked = {
        "--size": size, "--patches": patches, "--form": form, "--site": site, "--stain": stain, "--scanner": scanner,
        "--runs": runs or None,
    }  # fmt: skip
    if demo or lesions == GRADES:
        recipes = _graded(slides, seed, demo, lesions, asked, slides_per_patient)
    else:
        recipes = _cohort(slides, seed, lesions, size, patches, form, site, stain, scanner, runs, slides_per_patient)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"{folder} cannot be made or written: {error.strerror}. Choose another folder.") from error
    with bar(as_json, "Drawing slides") as step:
        paths = simulate_many(recipes, folder, processes=processes, progress=step)
    table = folder / TABLE
    write_out(table, _facts_and_grades(paths))
    said = f"{count(len(paths), 'slide')} drawn into {folder}; facts and true grades stand in {table.name}."
    say(as_json, {"slides": paths, "table": table}, said)


def _facts_and_grades(paths: Sequence[Path]) -> str:
    """A table of the slides as `mmdnet slides facts import` takes it, what was drawn as a reader's grades."""
    from mmdnet.simulate.cohorts import is_control
    from mmdnet.simulate.truth import load_truth
    from mmdnet.tables import to_csv
    from mmdnet.workflows.demo import TRUTH_READER

    rows = []
    for path in paths:
        truth = load_truth(path)
        facts = {name: truth.recipe.get(name) for name in ("patient", "site", "stain", "scanner", "staining_run")}
        control = "healthy" if is_control(truth.recipe) else None
        rows.append({"slide": path.name, **facts, "control": control, **truth.grades, "reader": TRUTH_READER})
    return to_csv(tuple(rows[0]), rows)


def _graded(
    slides: int, seed: int, demo: bool, lesions: str, asked: Mapping[str, object], slides_per_patient: int
) -> list[SlideRecipe]:
    """The sets whose slides lie well inside their grades: they take no choice of a cohort.

    Raises:
        LabError: a cohort's choice was made.
    """
    from mmdnet.simulate.recipes import demo_recipes, training_recipes

    made = [option for option, value in asked.items() if value]
    if demo and lesions != GRADES:
        made.append("--lesions")
    if made:
        chosen = "the demo's slides" if demo else "--lesions grades"
        raise LabError(
            f"{made[0]} does not go with {chosen}. Choose --lesions continuous, natural or none. Nothing was drawn."
        )
    return demo_recipes(seed) if demo else training_recipes(slides, seed, slides_per_patient=slides_per_patient)


def _cohort(
    slides: int, seed: int, lesions: str, size: str | None, patches: int | None, form: str | None,
    site: list[str] | None, stain: list[str] | None, scanner: list[str] | None, runs: int, slides_per_patient: int,
) -> list[SlideRecipe]:  # fmt: skip
    from mmdnet.simulate.cohorts import LESIONS, SIZES, CohortPlan, cohort_recipes

    if lesions not in LESIONS:
        raise LabError(f"--lesions is one of {GRADES}, {', '.join(LESIONS)}, not '{lesions}'. Nothing was drawn.")
    if size is not None and size not in SIZES:
        raise LabError(f"--size is one of {', '.join(SIZES)}, not '{size}'. Nothing was drawn.")
    sized = SIZES[size or "small"]
    defaults = CohortPlan(slides)
    plan = CohortPlan(
        slides=slides, seed=seed, lesions=lesions, slides_per_patient=slides_per_patient,
        patches=patches or sized.patches, form=form or sized.form, sites=tuple(site or defaults.sites),
        stains=tuple(stain or ()), scanners=tuple(scanner or ()), runs_per_site=runs,
    )  # fmt: skip
    return cohort_recipes(plan)
