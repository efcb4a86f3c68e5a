"""`mmdnet backbones …`: what a training can start from, and more of it from the hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmdnet.cli_parts import AsJson, Home, bar, lab_at, say

if TYPE_CHECKING:
    from mmdnet.workflows.training.views import BackboneView

backbones_app = typer.Typer(help="Backbones with weights: those here, and more from the hub.", no_args_is_help=True)


@backbones_app.command("list")
def backbones_list(home: Home = None, as_json: AsJson = False) -> None:
    """List the backbones that have weights: here, with the program, or on the hub."""
    views = lab_at(home).backbones.list()
    say(as_json, {"backbones": views}, "\n".join(_line(view) for view in views))


@backbones_app.command("get")
def backbones_get(
    name: Annotated[str, typer.Argument(help="Of the list, or a repository of the hub in timm's form, owner/name.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--from", help="A folder with its repository as it was downloaded elsewhere, in place of the hub."
        ),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a backbone's weights once from the hub; afterwards they need no internet.

    A gated one needs the token of somebody who was let in: HF_TOKEN, or 'hf auth login' once on this machine; or
    --from takes the folder that such a person downloaded (config.json and model.safetensors).
    """
    lab = lab_at(home)
    with bar(as_json, "Fetching") as progress:
        view = lab.backbones.get(name, progress, folder)
    say(as_json, view, f"{_line(view)}\nTrain from it: mmdnet train --backbone {view.name}")


def _line(view: BackboneView) -> str:
    facts = [view.state, view.licence, "gated" if view.gated and view.state == "on the hub" else "", view.note]
    if view.revision:
        facts.append(f"{view.hub_id} {view.revision[:12]}")
    return f"{view.name:24} {', '.join(fact for fact in facts if fact)}"
