"""`mmdnet experiment …`: what the network can do on simulated slides, and what each of its parts is worth.

Every training writes its result when it ends; a command goes on where it was stopped, and prints what is known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmdnet.cli_parts import AsJson, Background, Folder, Home, experiments_folder, kind_of_file, write_out
from mmdnet.commands.field import Project, backbones, field, of_project, slides_by_highest_bag
from mmdnet.words import count

if TYPE_CHECKING:
    from mmdnet.experiments.ablation import Setting, Variant

experiment_app = typer.Typer(
    help="What the network can do on simulated slides: seed by seed, gone on with where it was stopped.",
    no_args_is_help=True,
)
Seeds = Annotated[int, typer.Option(min=1, max=20, help="How many seeds, from 0.")]
Known = Annotated[bool, typer.Option("--known", help="Only print what is there; train nothing.")]
Graded = Annotated[int, typer.Option("--graded", min=0, help="Graded patches of each training slide; 0: all.")]
Threads = Annotated[int, typer.Option(min=1, max=64, help="Threads a training computes with.")]
Slides = Annotated[int | None, typer.Option(min=10, max=1000, help="Other than the usual number of simulated slides.")]
SlidesSeed = Annotated[int | None, typer.Option("--slides-seed", min=0, help="Another seed of those slides.")]
WarmUp = Annotated[int | None, typer.Option("--warm-up", min=1, max=1000, help="Other epochs on single patches.")]
Epochs = Annotated[int | None, typer.Option(min=1, max=1000, help="Other epochs on bags after them.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write the table to a file: .md; of a project .csv, .tex, .json too.")
]
OnBackbone = Annotated[str | None, typer.Option("--backbone", help="With --project: whose frozen features.")]
UNDONE = "Nothing was drawn."
experiment_app.command()(field)
experiment_app.command()(backbones)
experiment_app.command("slides")(slides_by_highest_bag)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _ready(threads: int) -> None:
    import torch

    from mmdnet.training.memory import keep_freed_memory

    torch.set_num_threads(threads)
    keep_freed_memory()


@experiment_app.command()
def bags(
    folder: Folder = None, home: Home = None, seeds: Seeds = 5, known: Known = False, threads: Threads = 1
) -> None:
    """Quadratic kappa of the full network on natural bags of test patients, whole patches, over seeds."""
    from mmdnet.experiments import ablation as ours

    _say_variants(ours.FULL_SIZE, ours.FULL_ALONE, experiments_folder(folder, home), seeds, known, threads)


@experiment_app.command()
def ablation(
    folder: Folder = None, home: Home = None, seeds: Seeds = 5, known: Known = False, graded: Graded = 24,
    threads: Threads = 1,
    paper: Annotated[bool, typer.Option("--paper", help="The paper's Table 2 (there three seeds).")] = False,
    slides: Slides = None, slides_seed: SlidesSeed = None, warm_up: WarmUp = None, epochs: Epochs = None,
    out: Out = None, project: Project = None, backbone: OnBackbone = None, background: Background = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """The full network against itself without one part at a time, on the same seeds; quarters of patches, of which a
    reader graded some on each training slide.

    With --project the heads of the paper's Table 2 on a lab's own labels and frozen features: DA-MIL (a network for
    each task), MTL-MIL, MMD-Net and MMD-Net with the fourth task, whether a bag holds a patch that readers set aside;
    patients apart 6:2:2.
    """
    from mmdnet.experiments import ablation as ours

    if project is not None:
        from mmdnet.experiments.field.plan import TABLE_2

        asked = {"methods": TABLE_2, "seeds": list(range(seeds))}
        of_project(project, asked, backbone, out, background, home, as_json)
        return
    setting = replace(ours.FEW_GRADES, graded=graded or None, table=2 if paper else None)
    setting = _resized(setting, slides, slides_seed, warm_up, epochs)
    variants = ours.TABLE_2 if paper else ours.ABLATION
    _say_variants(setting, variants, experiments_folder(folder, home), seeds, known, threads, out=out)


@experiment_app.command()
def alpha(
    folder: Folder = None, home: Home = None, seeds: Seeds = 3, known: Known = False, threads: Threads = 1,
    slides: Slides = None, slides_seed: SlidesSeed = None, warm_up: WarmUp = None, epochs: Epochs = None,
    out: Out = None, project: Project = None, backbone: OnBackbone = None, background: Background = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """The strength of the domain part, by quadratic kappa on validation patients; test patients are not looked at.

    With --project MMD-Net's heads on a lab's own labels and frozen features.
    """
    from mmdnet.experiments import ablation as ours

    if project is not None:
        from mmdnet.nn.kinds import ALPHAS

        asked = {"alphas": ALPHAS, "judged": "validation", "seeds": list(range(seeds))}
        of_project(project, asked, backbone, out, background, home, as_json)
        return
    place = experiments_folder(folder, home)
    setting = _resized(ours.FEW_GRADES, slides, slides_seed, warm_up, epochs)
    _say_variants(setting, ours.ALPHA_GRID, place, seeds, known, threads, "validation", out)


def _resized(
    setting: Setting, slides: int | None, slides_seed: int | None, warm_up: int | None, epochs: int | None
) -> Setting:
    """The setting with what was given in place of the usual; its results are kept apart, by its name."""
    given = {"slides": slides, "cohort_seed": slides_seed, "warm_up": warm_up, "on_bags": epochs}
    return replace(setting, **{name: value for name, value in given.items() if value is not None})


def _say_variants(
    setting: Setting, variants: Sequence[Variant], folder: Path, seeds: int, known: bool, threads: int,
    part: str = "test", out: Path | None = None,
) -> None:  # fmt: skip
    from mmdnet.evaluation.files import table_markdown
    from mmdnet.experiments import ablation as ours

    if out is not None:
        kind_of_file(out, ("md",), "A table of networks", "Nothing was trained.")
    if known:
        results = ours.known_results(setting, variants, range(seeds), folder, _say)
    else:
        _ready(threads)
        results = ours.run_variants(setting, variants, range(seeds), folder, _say)
    if out is not None:
        title = f"# {setting.name}, {count(seeds, 'seed')}"
        write_out(out, f"{title}\n\n{table_markdown(ours.variants_table(results, variants, part))}\n")
    facts = {"setting": setting.name, part: ours.summary(results, part), "worth": ours.worth(results, part)}
    typer.echo(json.dumps(facts, indent=1))


@experiment_app.command()
def domain(
    folder: Folder = None, home: Home = None, seeds: Seeds = 5, known: Known = False, threads: Threads = 1
) -> None:
    """Quadratic kappa on a site never trained on, grade tied to the stain in training, with and without the domain
    part."""
    from mmdnet.experiments import domain as ours

    setting, folder = ours.DomainSetting(), experiments_folder(folder, home)
    if known:
        results = ours.known_domain_results(setting, ours.VARIANTS, range(seeds), folder)
    else:
        _ready(threads)
        results = ours.run_domain(setting, ours.VARIANTS, range(seeds), folder, _say)
    typer.echo(json.dumps({"setting": setting.name} | ours.domain_summary(results), indent=1))


@experiment_app.command()
def augment(
    folder: Folder = None, home: Home = None, seeds: Seeds = 5, known: Known = False, threads: Threads = 1
) -> None:
    """Quadratic kappa on known sites, on a site and on a stain never trained on, with each way to vary patches."""
    from mmdnet.experiments import augment as ours

    setting, folder = ours.AugmentSetting(), experiments_folder(folder, home)
    if known:
        results = ours.known_augment_results(setting, ours.VARIANTS, range(seeds), folder)
    else:
        _ready(threads)
        results = ours.run_augment(setting, ours.VARIANTS, range(seeds), folder, _say)
    typer.echo(json.dumps({"setting": setting.name} | ours.augment_summary(results), indent=1))


@experiment_app.command()
def attention(
    folder: Folder = None,
    home: Home = None,
    model: Annotated[Path, typer.Option(help="A model trained on the simulated slides below.")] = Path("models/demo"),
    slides: Annotated[int, typer.Option(help="How many slides it was made of.")] = 64,
    seed: Annotated[int, typer.Option(help="Seed of those slides.")] = 2,
    picture: Annotated[Path | None, typer.Option(help="Draw examples into this PNG.")] = None,
    threads: Threads = 1,
) -> None:
    """How much of the attention and of the Grad-CAM heat lies on the drawn lesions of test slides."""
    from mmdnet.experiments.attention import attention_experiment

    if picture is not None:
        kind_of_file(picture, ("png",), "A picture of examples", UNDONE)
    folder = experiments_folder(folder, home)
    _ready(threads)
    typer.echo(json.dumps(attention_experiment(model, folder, slides, seed, picture), indent=1))


@experiment_app.command()
def errors(
    picture: Annotated[Path, typer.Argument(help="The sheet to draw, a PNG.")],
    folder: Folder = None,
    home: Home = None,
    model: Annotated[Path, typer.Option(help="A model trained on the simulated slides below.")] = Path("models/demo"),
    slides: Annotated[int, typer.Option(help="How many slides it was made of.")] = 64,
    seed: Annotated[int, typer.Option(help="Seed of those slides.")] = 2,
    threads: Threads = 1,
) -> None:
    """A sheet of the test patches that a model grades wrongly, the worst first, with what was drawn."""
    from mmdnet.experiments.error_sheet import error_sheet

    kind_of_file(picture, ("png",), "A sheet of errors", UNDONE)
    folder = experiments_folder(folder, home)
    _ready(threads)
    typer.echo(json.dumps(error_sheet(model, folder, slides, seed, picture), indent=1))


@experiment_app.command("learn-cpu")
def learn_cpu(folder: Folder = None, home: Home = None, threads: Threads = 2) -> None:
    """From nothing to a network that grades, on a processor: with the auxiliary instance loss, and bag labels alone."""
    from mmdnet.experiments.processor import learn

    _ready(threads)
    typer.echo(json.dumps(learn(experiments_folder(folder, home), say=_say), indent=1))


@experiment_app.command()
def labels(
    folder: Folder = None,
    home: Home = None,
    slides: Annotated[int, typer.Option(min=12, max=1000, help="Simulated slides, two of each patient.")] = 60,
    seeds: Annotated[int, typer.Option(min=2, max=20, help="How many seeds, from 0.")] = 5,
) -> None:
    """Quadratic kappa against the number of labels for every sampling plan, over seeds; the Label page draws it."""
    from mmdnet.experiments import label_efficiency as ours

    folder = experiments_folder(folder, home)
    _ready(1)
    told: list[str] = []

    def step(share: float, words: str, /, **_: object) -> None:
        if words not in told:
            told.append(words)
            _say(f"{share:4.0%} {words}")

    result = ours.measure(ours.make_pool(folder / "labels", slides, step=step), seeds, step)
    _say(f"Written to {ours.write(folder, result)}.")
    needed = {plan: of_plan.model_dump()["share_needed"] for plan, of_plan in result.plans.items()}
    typer.echo(json.dumps(needed, indent=1))
