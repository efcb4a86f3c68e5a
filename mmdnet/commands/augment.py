"""`mmdnet augment`: synthetic patches of rare grades, judged before they are learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdnet.cli_parts import (
    AsJson,
    Background,
    Home,
    Project,
    as_plain,
    choices_of,
    follow,
    lab_at,
    project_called,
    say,
)


def augment(
    weights: Annotated[
        Path,
        typer.Option(
            "--weights", help="A local diffusers folder with safetensors weights, or owner/name of one fetched before."
        ),
    ],
    project: Project = "",
    task: Annotated[str, typer.Option(help="Whose rare grades are made more of.")] = "ballooning",
    least_grade: Annotated[int, typer.Option(help="Patches of this grade or a higher one are parents.")] = 1,
    children: Annotated[int, typer.Option(help="Synthetic patches of each parent.")] = 2,
    choice: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Another choice as name=value: strength, guidance, steps, prompt, negative_prompt, negatives, seed, "
            "split_seed, side_px, dtype, device, batch_size, most_parents, gate_model; may be repeated.",
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what would be made, and by how many calls.")] = False,
    background: Background = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make synthetic patches of training patches with a rare grade, and judge each of them."""
    lab = lab_at(home)
    project_id = project_called(lab, project)
    given: dict[str, object] = {"weights": weights, "task": task, "least_grade": least_grade, "children": children}
    given |= choices_of(choice or [])
    if check:
        plan = lab.augmenting.plan(project_id, given)
        say(as_json, plan, "\n".join([*plan.lines, *(f"Note: {warning}" for warning in plan.warnings)]))
        return
    batch = lab.augmenting.get(lab.augmenting.start(project_id, given))
    assert batch.job is not None
    follow(lab, batch.job.id, as_json, background, quiet=not background)
    if not background:
        done = lab.augmenting.get(batch.id)
        refused = ", ".join(f"{reason} {count}" for reason, count in sorted(done.counts.refused.items()))
        words = f"Batch {done.id}: {done.counts.passed} of {done.counts.made} passed the gate"
        say(as_json, as_plain(done), words + (f"; refused: {refused}." if refused else "."))
