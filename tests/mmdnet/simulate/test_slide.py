"""Whole slides: the same recipe the same bytes, readable, marked as simulated, grades in reach."""

import json

import numpy as np
import openslide
import pytest

from mmdnet.errors import LabError
from mmdnet.simulate import SlideRecipe, load_truth, simulate_many, simulate_slide
from mmdnet.simulate.recipes import HE, MASSON
from mmdnet.simulate.scene import build_scene
from mmdnet.simulate.slide import render_field


def test_openslide_reads_the_slide_its_scale_and_its_levels(made):
    with openslide.OpenSlide(made.path) as slide:
        assert slide.dimensions == (1500, 1300)
        assert float(slide.properties[openslide.PROPERTY_NAME_MPP_X]) == pytest.approx(0.5)
        assert float(slide.properties[openslide.PROPERTY_NAME_MPP_Y]) == pytest.approx(0.5)
        assert slide.level_count >= 2
        facts = json.loads(slide.properties["tiff.ImageDescription"])["mmdnet"]
    assert facts["simulated"] is True
    assert facts["stain"] == made.recipe.stain
    assert facts["patient"] == made.recipe.patient


def test_the_file_shows_what_was_rendered(made):
    rendered = render_field(made.scene, 500, 500, 256, 256).astype(float)
    with openslide.OpenSlide(made.path) as slide:
        stored = np.asarray(slide.read_region((500, 500), 0, (256, 256)).convert("RGB")).astype(float)
        coarse = np.asarray(slide.read_region((0, 0), 1, slide.level_dimensions[1]).convert("RGB"))
    assert np.abs(rendered - stored).mean() < 6
    assert coarse.mean() == pytest.approx(
        np.asarray(openslide.OpenSlide(made.path).get_thumbnail((375, 325))).mean(), abs=3
    )


def test_the_same_recipe_gives_the_same_bytes_whatever_the_threads(made, tmp_path):
    again = tmp_path / "again.tiff"
    simulate_slide(made.recipe, again, threads=3)
    assert again.read_bytes() == made.path.read_bytes()
    assert again.with_suffix(".truth.json").read_bytes() == made.path.with_suffix(".truth.json").read_bytes()


def test_another_stain_scanner_and_site_draw_the_same_cells():
    common = {"seed": 9, "patient": "P7", "width_px": 700, "height_px": 700}
    usual = build_scene(SlideRecipe(stain=HE, **common))
    other = build_scene(SlideRecipe(stain=MASSON, scanner="Scanner C", site="West", **common))
    assert np.array_equal(usual.cells.xy, other.cells.xy)
    assert np.array_equal(usual.nuclei.xy, other.nuclei.xy)
    light = [render_field(scene, 250, 250, 200, 200).mean(axis=(0, 1)) for scene in (usual, other)]
    assert np.abs(light[0] - light[1]).max() > 25


@pytest.mark.parametrize("form", ["needle", "wedge"])
@pytest.mark.parametrize("grades", [(0, 0, 0), (1, 1, 1), (1, 2, 2), (2, 3, 3)])
def test_the_drawn_slide_has_the_wanted_grades(form, grades):
    wanted = dict(zip(("ballooning", "inflammation", "steatosis"), grades, strict=True))
    from mmdnet.simulate.truth import truth_of

    recipe = SlideRecipe(seed=21, grades=wanted, form=form, width_px=2400, height_px=2000)
    assert truth_of(build_scene(recipe)).grades == wanted


def test_many_slides_are_made_in_processes_with_their_truth(tmp_path):
    recipes = [SlideRecipe(seed=s, patient=f"P{s}", width_px=560, height_px=560) for s in (1, 2)]
    seen = []
    paths = simulate_many(recipes, tmp_path / "new", processes=2, progress=lambda share, message: seen.append(share))
    assert [p.name for p in paths] == [f"{r.name}.tiff" for r in recipes]
    assert seen[-1] == 1.0
    alone = tmp_path / "alone.tiff"
    simulate_slide(recipes[0], alone)
    assert alone.read_bytes() == paths[0].read_bytes()
    assert load_truth(paths[1]).width_px == 560


def test_a_folder_that_cannot_be_written_gives_a_sentence_and_leaves_nothing(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(LabError, match="could not be written"):
        simulate_slide(SlideRecipe(seed=1, width_px=560, height_px=560), blocked / "slide.tiff")
    assert list(tmp_path.iterdir()) == [blocked]
