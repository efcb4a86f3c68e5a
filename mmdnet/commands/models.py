"""`mmdnet models …`: the models a project can score with, their cards, and models brought in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdnet.cli_parts import UNWRITTEN, AsJson, Home, Project, kind_of_file, lab_at, project_called, say, write_out

models_app = typer.Typer(help="Models to score with: list them, their cards, bring one in.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="Number of the model, as `mmdnet models list` has it.")]


@models_app.command("list")
def models_list(project: Project = "", home: Home = None, as_json: AsJson = False) -> None:
    """List the models a project can score with: the one for its reports first, then the newest."""
    from mmdnet.scoring.validity import verdict_of

    lab = lab_at(home)
    known = lab.models.list(project_called(lab, project))
    facts = [
        {"model": model.id, "name": model.name, "weights_sha256": model.weights_sha256, "note": model.note}
        for model in known
    ]
    words = "\n".join(f"{model.id:4}  {model.name}: {verdict_of(model.card).words}" for model in known)
    nothing = "No model yet. Train one (mmdnet train) or bring one in (mmdnet models add)."
    say(as_json, {"models": facts}, words or nothing)


@models_app.command("card")
def models_card(
    model: Number,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write: .md or .json.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say what is known of a model, in the order of TRIPOD+AI, and which items are open: as Markdown, or as JSON."""
    import json

    from mmdnet.reports.model_card import to_json, to_markdown

    kind = "json" if as_json else "md"
    if out is not None:
        kind = kind_of_file(out, ("md", "json"), "A model card", UNWRITTEN)
    card = lab_at(home).models.card(model)
    if out is None:
        say(as_json, to_json(card), to_markdown(card))
        return
    write_out(out, json.dumps(to_json(card), indent=1, ensure_ascii=False) if kind == "json" else to_markdown(card))
    say(as_json, {"file": out, "filled": len(card.filled), "items": len(card.items)}, f"Model card written to {out}.")


@models_app.command("add")
def models_add(
    folder: Annotated[Path, typer.Argument(help="Folder with weights.safetensors and card.json.")],
    name: Annotated[str | None, typer.Option(help="The model's name here; its card's own if not given.")] = None,
    project: Project = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take in a model that was trained elsewhere."""
    lab = lab_at(home)
    model = lab.models.add(project_called(lab, project), folder, name)
    say(as_json, {"model": model}, f"Model {model} taken in. Its card: mmdnet models card {model}")
