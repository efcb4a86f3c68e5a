"""The tissue map of a project: made from its slides, kept as one file, made anew when slides come."""

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.tissue_map import kinds_of_tissue, map_file
from tests.small_lab import JobInProcess


@pytest.fixture
def project(lab, tissue_png):
    made = lab.projects.create("Study").id
    for number in range(2):
        assert lab.slides.register(made, tissue_png(f"{number}.png", seed=number), StatedFacts(mpp=0.5))[0].slide_id
    return made


def make(lab, project, tmp_path):
    here = JobInProcess(lab.settings, tmp_path / "job")
    lab.maps.make(here, project)
    return here


def test_every_usable_patch_is_on_the_map_and_has_a_kind(lab, project, tmp_path):
    assert lab.maps.get(project) is None and lab.maps.missing(project) == 0
    told = make(lab, project, tmp_path).told
    made = lab.maps.get(project)
    usable = sum(slide.usable for slide in lab.slides.list(project))
    assert len(made.patch_id) == usable > 0 and made.slides == 2
    assert (np.diff(made.patch_id) > 0).all()
    assert (made.xy >= 0).all() and (made.xy <= 1).all()
    assert set(kinds_of_tissue(Services(lab.settings, lab.db, None), project)) == set(made.patch_id.tolist())
    assert told[-1][0] == 1.0 and "on the map" in told[-1][1]
    assert [share for share, *_ in told] == sorted(share for share, *_ in told)


def test_new_slides_are_counted_as_missing_until_the_map_is_made_anew(lab, project, tissue_png, tmp_path):
    make(lab, project, tmp_path)
    before = lab.maps.get(project)
    lab.slides.register(project, tissue_png("new.png", seed=7), StatedFacts(mpp=0.5))
    new = lab.slides.list(project)
    assert lab.maps.missing(project) == sum(slide.usable for slide in new) - len(before.patch_id) > 0
    make(lab, project, tmp_path)
    assert lab.maps.missing(project) == 0
    assert lab.maps.get(project).made_ns != before.made_ns


def test_a_slide_that_is_gone_is_left_out_and_named(lab, project, tmp_path):
    from pathlib import Path

    gone = lab.slides.list(project)[0]
    Path(lab.slides.get(gone.id).path).unlink()
    told = make(lab, project, tmp_path).told
    assert gone.name in told[-1][1]
    assert lab.maps.get(project).slides == 1


def test_nothing_to_look_at_and_a_damaged_map_are_said(lab, project, tmp_path):
    empty = lab.projects.create("Empty").id
    with pytest.raises(LabError, match="add slides first"):
        lab.maps.start(empty)
    make(lab, project, tmp_path)
    map_file(lab.settings, project).write_bytes(b"no map")
    with pytest.raises(LabError, match="Make it again"):
        lab.maps.get(project)
