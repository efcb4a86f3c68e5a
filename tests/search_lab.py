"""A lab of five patients with labelled patches: as few as a search can be started on."""

from pathlib import Path

from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.labelling.views import PatchGrades
from tests.small_lab import draw_tissue

PROJECT = 1


def make_search_lab(home: Path) -> Path:
    """Fill a new home: project 1, five slides of a patient each, bags of four patches with two grades and more."""
    lab = open_lab(Settings(home=home))
    assert lab.projects.create("Five").id == PROJECT
    reader = lab.readers.ensure("Ada").id
    for number in range(5):
        facts, picture = StatedFacts(mpp=0.5, patient=f"P{number}"), draw_tissue(home / f"{number}.png", number)
        slide = lab.slides.register(PROJECT, picture, facts, measure=False)[0].slide_id
        assert slide is not None
        rows = [
            PatchGrades(patch.id, Grades(steatosis=(i // 4) % 4, ballooning=(i // 4) % 3))
            for i, patch in enumerate(lab.slides.patches(slide))
        ]
        lab.labels.acts.put_many(PROJECT, reader, rows)
    return home
