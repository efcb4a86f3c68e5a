"""What a report's HTML and PDF are given to show: read from the slide, with the maps kept beside the score."""

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from mmdnet.scoring.cam.deletion import Deletion
from mmdnet.scoring.cam.evidence_maps import PatchMap, save_maps
from mmdnet.scoring.palette import heat_rgba
from mmdnet.workflows.scoring.report_pictures import PATCH_PICTURE_PX
from mmdnet.workflows.scoring.scored_slide import evidence_maps_file


def pixels(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)


def test_patches_come_with_the_maps_that_were_made_and_a_lost_slide_with_none(scored):
    opened = scored.lab.reports.open(scored.score)
    bare = opened.pictures()
    assert bare.slide and set(bare.maps) == set(opened.evidence_grades) and not bare.on_patches.jpegs

    hot = PatchMap(np.full((8, 8), 255, np.uint8), 1, Deletion(0.9, 0.1, 0.8))
    grades = opened.evidence_grades["steatosis"]
    file = evidence_maps_file(opened.settings, opened.score)
    save_maps(file, {"steatosis": dict.fromkeys(grades, hot)}, opened.model.weights_sha256)
    opened = scored.lab.reports.open(scored.score)
    given = opened.pictures()
    assert set(given.on_patches.jpegs) == {"steatosis"}
    assert set(given.on_patches.jpegs["steatosis"]) == set(grades)
    place = next(iter(grades))
    plain = pixels(given.patches[opened.patch_rows[place].id])
    drawn = pixels(given.on_patches.picture("steatosis", place))
    assert drawn.shape == plain.shape == (PATCH_PICTURE_PX, PATCH_PICTURE_PX, 3)
    *colour, opaque = heat_rgba(np.ones((1, 1)))[0, 0].astype(float)
    middle = (slice(60, 140), slice(60, 140))
    assert np.abs(drawn[middle] - (plain[middle] * (1 - opaque / 255) + np.array(colour) * opaque / 255)).mean() < 4

    opened.slide.path = "/nowhere/gone.png"
    gone = replace(opened).pictures()
    assert gone.slide is None and not gone.patches and not gone.on_patches.results and gone.maps
