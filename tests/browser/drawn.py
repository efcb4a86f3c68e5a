"""A drawn field of tissue, ready to label: enough like tissue to be found, made in a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.labelling.views import QueueChoice


@dataclass(frozen=True)
class LabelHome:
    """Ids in a home made by `make_label_home`."""

    project: int
    slide: int
    reader: int
    session: int
    patches: int


def draw_field(path: Path, columns: int, rows: int, seed: int = 0) -> None:
    """A pink field with dark nuclei and white droplets, `columns` x `rows` patches of 299 px."""
    rng = np.random.default_rng(seed)
    height, width = 299 * rows, 299 * columns
    picture = np.full((height, width, 3), (190, 120, 215), np.uint8)
    for radii, colour, per_patch in (((4, 9), (120, 50, 90), 60), ((5, 18), (245, 245, 245), 15)):
        for _ in range(per_patch * columns * rows):
            at = (int(rng.integers(width)), int(rng.integers(height)))
            cv2.circle(picture, at, int(rng.integers(*radii)), colour, -1)
    cv2.imwrite(str(path), picture)


def make_label_home(
    home: Path, columns: int = 4, rows: int = 3, reader: str = "Ada", project: str = "Study"
) -> LabelHome:
    """In this home, a project with one drawn slide and one label session over all its patches."""
    home.mkdir(parents=True, exist_ok=True)
    draw_field(home / f"field_{columns}x{rows}.png", columns, rows)
    lab = open_lab(load_settings(home=home))
    project_id = lab.projects.named(project).id
    (outcome,) = lab.slides.register(project_id, home / f"field_{columns}x{rows}.png", StatedFacts(mpp=0.5))
    assert outcome.slide_id is not None, outcome.problem
    reader_id = lab.readers.ensure(reader).id
    view = lab.labels.sessions.create(project_id, reader_id, "First", QueueChoice([outcome.slide_id], 100_000))
    return LabelHome(project_id, outcome.slide_id, reader_id, view.id, view.patches)
