"""Every use case on the command line: `mmdnet doctor | simulate | ingest | labels | train | score | report | ...`.

With `--json` a command prints one JSON object for machines and no progress bar. What a person can mend leaves exit code
1 and one sentence on stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmdnet.errors import LabError
from mmdnet.experiment_cli import experiment_app

if TYPE_CHECKING:
    from mmdnet.settings import Settings
    from mmdnet.workflows.lab import Lab
    from mmdnet.workflows.views import StoreView

app = typer.Typer(
    help="Scores fatty-liver biopsies from weak labels. Research use only.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
labels_app = typer.Typer(help="Labels: how many there are, out to a file and in again.", invoke_without_command=True)
audit_app = typer.Typer(help="The record of who labelled what, when.", no_args_is_help=True)
app.add_typer(labels_app, name="labels")
app.add_typer(audit_app, name="audit")
store_app = typer.Typer(
    help="Decoded patches and features that are kept: what there is, and its limit.", no_args_is_help=True
)
app.add_typer(store_app, name="store")
qupath_app = typer.Typer(help="Patches, tissue and labels out to QuPath, regions and labels in.", no_args_is_help=True)
app.add_typer(qupath_app, name="qupath")
app.add_typer(experiment_app, name="experiment")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, no progress bar.")]
Home = Annotated[Path | None, typer.Option("--home", help="The lab's folder (default: MMDNET_HOME or ./lab-data).")]
Project = Annotated[str, typer.Option("--project", "-p", help="Name of the project.")]
Background = Annotated[bool, typer.Option("--background", help="Queue it and return at once.")]


def main() -> None:
    """Run a command; turn what a person can mend into one sentence and exit code 1."""
    try:
        app(standalone_mode=True)
    except LabError as error:
        print(str(error), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Stopped. What was finished is kept.", file=sys.stderr)
        sys.exit(130)


def _settings(home: Path | None) -> Settings:
    from mmdnet.settings import load_settings

    return load_settings(**({"home": home} if home else {}))


def _lab(home: Path | None) -> Lab:
    from mmdnet.lab import open_lab

    return open_lab(_settings(home))


def _project(lab: Lab, name: str) -> int:
    found = [project for project in lab.projects.list() if project.name == name]
    if not found:
        known = ", ".join(project.name for project in lab.projects.list()) or "none yet"
        raise LabError(f"There is no project called {name}. Known are: {known}.")
    return found[0].id


def _reader(lab: Lab, name: str) -> int:
    found = [reader for reader in lab.readers.list() if reader.name.lower() == name.lower()]
    if not found:
        raise LabError(f"There is no reader called {name}. Known are: {', '.join(r.name for r in lab.readers.list())}.")
    return found[0].id


def _slide(lab: Lab, project_id: int, name: str) -> int:
    found = [slide.id for slide in lab.slides.list(project_id) if slide.name == name]
    if len(found) != 1:
        raise LabError(f"There {'is no slide' if not found else f'are {len(found)} slides'} called {name} here.")
    return found[0]


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


def _say(as_json: bool, facts: Any, words: str) -> None:
    print(json.dumps(_plain(facts)) if as_json else words)


@contextmanager
def _bar(as_json: bool, title: str) -> Iterator[Callable[[float, str], None]]:
    """A progress bar for people, silence for machines."""
    if as_json:
        yield lambda share, message: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda share, message: progress.update(
            task, completed=share, description=f"{title}: {message}"[:90] if message else title
        )


def _follow(lab: Lab, job_id: str, as_json: bool, background: bool) -> None:
    """Wait for a job, running a worker here if none takes it; what it came to is printed.

    Raises:
        LabError: it failed or was cancelled.
    """
    from mmdnet.jobs.here import wait_for

    if not background:
        with _bar(as_json, lab.jobs.get(job_id).title) as step:
            wait_for(lab, job_id, step)
    job = lab.jobs.get(job_id)
    if job.status in {"failed", "cancelled"}:
        raise LabError(job.failure or f"{job.title}: {job.status}.")
    _say(as_json, job, f"{job.title}: {job.status}. {job.message}".strip())


@app.command()
def doctor(home: Home = None, as_json: AsJson = False) -> None:
    """Name what is missing on this machine, and the mend."""
    from mmdnet.doctor import main as examine

    sys.exit(examine(home=home, as_json=as_json))


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Where the slides and their truth are written.")],
    slides: Annotated[int, typer.Option(min=1, max=10_000, help="How many slides.")] = 12,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    demo: Annotated[bool, typer.Option("--demo", help="The demo project's twelve slides.")] = False,
    processes: Annotated[int, typer.Option(min=1, max=64)] = 2,
    as_json: AsJson = False,
) -> None:
    """Draw liver slides with known truth: pyramidal TIFFs, a truth file beside each."""
    from mmdnet.simulate.recipes import demo_recipes, training_recipes
    from mmdnet.simulate.slide import simulate_many

    recipes = demo_recipes(seed) if demo else training_recipes(slides, seed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"{folder} cannot be made or written: {error.strerror}. Choose another folder.") from error
    with _bar(as_json, "Drawing slides") as step:
        paths = simulate_many(recipes, folder, processes=processes, progress=lambda share: step(share, ""))
    _say(as_json, {"slides": paths}, f"{len(paths)} slides drawn into {folder}.")


@app.command()
def ingest(
    path: Annotated[str, typer.Argument(help="A slide, or a folder of slides.")],
    project: Project = "My lab",
    mpp: Annotated[float | None, typer.Option(help="µm per pixel, where the file does not say.")] = None,
    stain: str | None = None,
    scanner: str | None = None,
    site: str | None = None,
    patient: str | None = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Add slides to a project: checked, tissue found, patches laid. Each fails alone."""
    lab = _lab(home)
    facts = {"mpp": mpp, "stain": stain, "scanner": scanner, "site": site, "patient": patient}
    lab.slides.allowed(path)  # before a project is made for it
    known = any(one.name == project for one in lab.projects.list())
    project_id = lab.projects.named(project).id
    try:
        with _bar(as_json, "Adding slides") as step:
            outcomes = lab.slides.register(project_id, path, progress=step, **facts)
    finally:
        if not known and not lab.slides.list(project_id):
            lab.projects.remove(project_id)
    added = []
    for outcome in outcomes:
        if outcome.slide_id is None:
            if not as_json:
                print(outcome.problem, file=sys.stderr)
            continue
        slide = lab.slides.get(outcome.slide_id)
        added.append(slide)
        if not as_json:
            print(f"{slide.name}: {slide.reason or f'{slide.usable} of {slide.patches} patches to use'}")
    if as_json:
        plain = [{"name": one.name, "slide_id": one.slide_id, "problem": one.problem} for one in outcomes]
        print(json.dumps({"outcomes": plain, "slides": _plain(added)}))
    if any(outcome.problem for outcome in outcomes):
        sys.exit(1)


@app.command("import-tiles")
def import_tiles(
    folder: Annotated[
        Path, typer.Argument(help="The data set's folder: CNN/ in it, data/ and ground_truth.csv beside.")
    ],
    project: Project = "My lab",
    reader: Annotated[str, typer.Option(help="Whose labels they become.")] = "Heinemann 2022",
    stain: Annotated[str, typer.Option(help="Stain of the tiles.")] = "Trichrome",
    mpp: Annotated[float, typer.Option(min=0.1, max=2.0, help="µm per pixel of the tiles.")] = 0.44,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take in the paper's public data set of graded tiles: slides, labels, slide grades. May be started again."""
    import getpass

    from mmdnet.workflows.tile_layout import read_layout

    lab = _lab(home)
    place = lab.slides.allowed(folder)
    read_layout(place)  # before a project is made for it
    project_id = lab.projects.named(project).id
    with _bar(as_json, "Adding tiles") as step:
        done = lab.tile_sets.add(project_id, place, step, reader, stain, mpp, operator=getpass.getuser())
    said = [*done.problems, *(f"Left out: {number} {what}." for what, number in done.left_out.items())]
    said.append(
        f"{done.slides} slides with {done.tiles} tiles added, {done.labels} of them labelled ({done.ignored} ignored), "
        f"{done.slide_grades} slides graded; {done.there} slides were there already."
    )
    _say(as_json, done, "\n".join(said))
    if done.problems:
        sys.exit(1)


@labels_app.callback()
def labels_count(
    context: typer.Context, project: Project = "My lab", home: Home = None, as_json: AsJson = False
) -> None:
    """How many patches carry which grade; out to a file and in again."""
    if context.invoked_subcommand:
        return
    lab = _lab(home)
    counts = lab.labels.counts(_project(lab, project))
    lines = [f"{counts.patches} patches labelled by {counts.readers} readers, {counts.ignored} ignored"]
    lines += [
        f"  {name}: " + ", ".join(f"grade {grade}: {number}" for grade, number in sorted(grades.items()))
        for name, grades in counts.grades.items()
        if grades
    ]
    _say(as_json, counts, "\n".join(lines))


@labels_app.command("export")
def labels_export(
    file: Annotated[Path, typer.Argument(help="Where to: .csv, .parquet, .jsonl, .geojson (one slide) or .zip.")],
    project: Project = "My lab",
    reader: Annotated[str | None, typer.Option(help="Only this reader's labels.")] = None,
    slide: Annotated[str | None, typer.Option(help="Only labels on this slide.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write every reader's labels to a file; its ending says which kind."""
    from mmdnet.files import write_aside
    from mmdnet.labels.files import kind_of

    lab = _lab(home)
    project_id = _project(lab, project)
    reader_id = _reader(lab, reader) if reader else None
    slide_id = _slide(lab, project_id, slide) if slide else None
    found = lab.labels.export(project_id, kind_of(file.name), reader_id, slide_id)
    try:
        write_aside(file, found.data)
    except OSError as error:
        raise LabError(f"{file} cannot be written: {error.strerror}. Choose another place.") from error
    _say(as_json, {"file": file, "rows": found.labels}, f"{found.labels} labels written to {file}.")


@labels_app.command("import")
def labels_import(
    file: Annotated[Path, typer.Argument(help="A .csv, .parquet, .jsonl, .geojson or .zip of labels.")],
    project: Project = "My lab",
    good_rows: Annotated[bool, typer.Option("--good-rows", help="Take the good rows although others are bad.")] = False,
    reader: Annotated[str, typer.Option(help="Who graded, where the file does not say.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Read labels from a file; nothing is imported if one row is wrong, unless asked to."""
    import getpass

    lab = _lab(home)
    if not file.is_file():
        raise LabError(f"{file} is not there or no file. Nothing was imported.")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise LabError(f"{file} cannot be read: {error.strerror}. Nothing was imported.") from error
    outcome = lab.labels.import_file(
        _project(lab, project), file.name, data, take_good=good_rows, reader=reader, operator=getpass.getuser()
    )
    said = [f"{one.file} {outcome.counted} {one.line}: {one.problem}".strip() for one in outcome.problems]
    if outcome.not_read:
        said.append(f"Columns that mean nothing here: {', '.join(outcome.not_read)}.")
    said.append(f"{outcome.imported} labels imported, {outcome.unchanged} stood already.")
    _say(as_json, outcome, "\n".join(said))
    if outcome.problems:
        sys.exit(1)


@qupath_app.command("export")
def qupath_export(
    slide: Annotated[str, typer.Argument(help="Name of the slide.")],
    file: Annotated[Path, typer.Argument(help="Where to: a .geojson file.")],
    project: Project = "My lab",
    reader: Annotated[str | None, typer.Option(help="With this reader's labels.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write a slide's tissue and patches, and a reader's labels if one is named, for QuPath."""
    from mmdnet.files import write_aside

    lab = _lab(home)
    slide_id = _slide(lab, _project(lab, project), slide)
    text = lab.qupath.export(slide_id, _reader(lab, reader) if reader else None)
    try:
        write_aside(file, text)
    except OSError as error:
        raise LabError(f"{file} cannot be written: {error.strerror}. Choose another place.") from error
    _say(as_json, {"file": file}, f"{slide} written to {file}. In QuPath: File, Import objects.")


@qupath_app.command("import")
def qupath_import(
    slide: Annotated[str, typer.Argument(help="Name of the slide.")],
    file: Annotated[Path, typer.Argument(help="A .geojson file of regions and labels.")],
    project: Project = "My lab",
    reader: Annotated[str, typer.Option(help="Who graded, where a label does not say.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Use only what regions of class Include hold, leave out what those of class Exclude hold, take labels in."""
    lab = _lab(home)
    slide_id = _slide(lab, _project(lab, project), slide)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise LabError(f"{file} cannot be read: {error.strerror}. Nothing was changed.") from error
    done = lab.qupath.bring(slide_id, file.name, data, reader)
    words = (
        f"{done.included + done.excluded} regions leave {done.set_aside} patches out; {done.labels} labels imported."
    )
    _say(as_json, done, words)


@audit_app.command("verify")
def audit_verify(home: Home = None, as_json: AsJson = False) -> None:
    """Check that no label was altered, added or taken out behind the program's back."""
    verdict = _lab(home).labels.verify()
    words = f"{verdict.events} events, all as they were written."
    if not verdict.intact:
        words = (
            f"Event {verdict.broken_id} ({verdict.broken_act}) is wrong: {verdict.reason}. "
            f"{verdict.events} events before it are intact."
        )
    _say(as_json, verdict, words)
    if not verdict.intact:
        sys.exit(1)


@store_app.command("list")
def store_list(home: Home = None, as_json: AsJson = False) -> None:
    """List what is kept, the longest unused first."""
    store = _lab(home).store
    _say_stores(as_json, store.list(), store.limit_bytes, "kept")


@store_app.command("verify")
def store_verify(home: Home = None, as_json: AsJson = False) -> None:
    """Read every pixel that is kept and compare it with what was written."""
    store = _lab(home).store
    found = store.verify()
    _say_stores(as_json, found, store.limit_bytes, "kept")
    if any(one.fault for one in found):
        if not as_json:
            print("Remove what is damaged: mmdnet store prune. It is made again when it is needed.", file=sys.stderr)
        sys.exit(1)


@store_app.command("prune")
def store_prune(home: Home = None, as_json: AsJson = False) -> None:
    """Remove what is damaged, then the longest unused until the rest fits MMDNET_CACHE_GIB. What is in use stays."""
    store = _lab(home).store
    _say_stores(as_json, store.prune(), store.limit_bytes, "removed")


def _say_stores(as_json: bool, stores: Sequence[StoreView], limit_bytes: int, what: str) -> None:
    total = sum(one.bytes for one in stores)
    lines = [
        f"{one.key[:12]}  {one.bytes / 2**20:8.1f} MiB  {one.used_at:%Y-%m-%d %H:%M}  "
        + (one.fault or f"{one.slide}, {one.kind} {one.patches}" + (", in use" if one.in_use else ""))
        for one in stores
    ]
    lines.append(f"{len(stores)} stores {what}, {total / 2**30:.2f} GiB; the limit is {limit_bytes / 2**30:g} GiB.")
    _say(as_json, {"stores": stores, "bytes": total, "limit_bytes": limit_bytes}, "\n".join(lines))


@app.command()
def train(
    project: Project = "My lab",
    choice: Annotated[list[str] | None, typer.Option("--set", help="A choice as name=value; may be repeated.")] = None,
    backbone: str | None = None,
    epochs: int | None = None,
    device: str | None = None,
    seed: int | None = None,
    processes: Annotated[int | None, typer.Option(help="How many share each step: one GPU each, or the cores.")] = None,
    name: str | None = None,
    reader: Annotated[str | None, typer.Option(help="Only this reader's labels.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether it would start, and with what.")] = False,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Train a network on a project's labels."""
    from mmdnet.workflows.label_views import LabelChoice

    lab = _lab(home)
    project_id = _project(lab, project)
    choices: dict[str, Any] = {}
    for pair in choice or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise LabError(f"{pair} is no choice; write it as name=value, for example --set head=corn.")
        choices[key] = value
    given = {"backbone": backbone, "epochs": epochs, "device": device, "seed": seed, "processes": processes}
    choices |= {key: value for key, value in given.items() if value is not None}
    labels = LabelChoice(reader_id=_reader(lab, reader) if reader else None)
    report = lab.training.check(project_id, choices, labels)
    if not report.ok:
        raise LabError(report.problem or "This training cannot start.")
    if not as_json or check:
        _say(as_json, report, "\n".join([*report.lines, *(f"Note: {one}" for one in report.warnings)]))
    if check:
        return
    run = lab.training.start(project_id, choices, name, labels)
    job = lab.training.get(run).job
    assert job is not None
    _follow(lab, job.id, as_json, background)


@app.command()
def score(
    project: Project = "My lab",
    slide: Annotated[list[str] | None, typer.Option("--slide", help="Name of a slide; may be repeated.")] = None,
    model: Annotated[int | None, typer.Option(help="Number of the model; the newest one if not given.")] = None,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Score slides (all that are ready, if none is named) with a trained network."""
    lab = _lab(home)
    project_id = _project(lab, project)
    slides = lab.slides.list(project_id)
    unknown = set(slide or []) - {one.name for one in slides}
    if unknown:
        raise LabError(f"There is no slide called {', '.join(sorted(unknown))} in {project}.")
    chosen = [one.id for one in slides if (one.name in slide if slide else one.status == "ready")]
    models = lab.models.list(project_id)
    model_id = model or (models[0].id if models else lab.models.shipped())
    _follow(lab, lab.scoring.start(project_id, chosen, model_id), as_json, background)


@app.command()
def report(
    slide: Annotated[str, typer.Argument(help="Name of the slide.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .html, .csv, .json or .geojson.")],
    project: Project = "My lab",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the report of a slide's newest score."""
    from mmdnet.files import write_aside

    lab = _lab(home)
    named = [one for one in lab.slides.list(_project(lab, project)) if one.name == slide]
    if not named:
        raise LabError(f"There is no slide called {slide} in {project}.")
    score_id = named[0].score_id
    if score_id is None:
        raise LabError(f"{slide} is not scored yet. Score it first: mmdnet score --slide {slide}")
    forms = {
        ".html": lab.reports.html,
        ".csv": lab.reports.csv,
        ".geojson": lab.reports.geojson,
        ".json": lab.reports.json,
    }
    if out.suffix.lower() not in forms:
        raise LabError(f"A report is written as {', '.join(forms)}, not as {out.suffix or 'a file without ending'}.")
    if not out.parent.is_dir():
        raise LabError(f"The folder {out.parent} is not there. Nothing was written.")
    write_aside(out, forms[out.suffix.lower()](score_id))
    _say(as_json, {"file": out, "score_id": score_id, **lab.scoring.get(score_id).result}, f"Report written to {out}.")


@app.command()
def worker(
    slot: Annotated[str, typer.Option(help="Name of this worker's place on this machine.")] = "cpu",
    queues: Annotated[str, typer.Option(help="Queues it serves, separated by commas: cpu, gpu.")] = "cpu,gpu",
    gpu: Annotated[str | None, typer.Option(help="Number of the GPU it uses.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Run a worker: it takes jobs until it is stopped. One line says when it is ready."""
    from mmdnet.jobs.worker import run_worker

    run_worker(_settings(home), slot, queues.split(","), gpu, as_json=as_json)


@app.command()
def demo(background: Background = False, home: Home = None, as_json: AsJson = False) -> None:
    """Make the demo project: twelve simulated slides, labelled from their truth, scored by the shipped model."""
    from mmdnet.workflows.demo import submit_demo

    lab = _lab(home)
    _follow(lab, submit_demo(lab), as_json, background)
