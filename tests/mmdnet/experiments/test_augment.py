"""The augmentation experiment goes on where it stopped, and compares variants on the same seeds."""

import json

import pytest

from mmdnet.experiments.augment import (
    VARIANTS,
    AugmentSetting,
    augment_summary,
    known_augment_results,
    unseen_sets,
)
from mmdnet.simulate.recipes import unseen_recipes
from mmdnet.training.config import read_config


def test_variants_are_compared_with_no_stain_on_the_same_seeds():
    def result(variant, seed, site, stain):
        return {
            "variant": variant,
            "seed": seed,
            "kappa_mean": {"known_sites": 0.6, "new_site": site, "new_stain": stain},
        }

    summary = augment_summary(
        [result("no-stain", 0, 0.3, 0.1), result("no-stain", 1, 0.4, 0.2), result("swap", 1, 0.55, 0.5)]
    )
    assert summary["swap"]["added_on_new_site"] == {"mean": 0.15, "n": 1}
    assert summary["swap"]["added_on_new_stain"] == {"mean": 0.3, "n": 1}
    assert "added_on_new_site" not in summary["no-stain"] and summary["no-stain"]["new_site"]["n"] == 2


def test_every_variant_is_a_training_that_can_be_chosen_and_only_results_that_are_there_are_known(tmp_path):
    assert len({str(read_config(dict(variant.choices))) for variant in VARIANTS}) == len(VARIANTS)
    setting = AugmentSetting(slides=4)
    assert known_augment_results(setting, VARIANTS, range(3), tmp_path) == []
    path = tmp_path / "results" / setting.name / f"{VARIANTS[1].name}-2.json"
    path.parent.mkdir(parents=True)
    result = {"variant": VARIANTS[1].name, "seed": 2}
    path.write_text(json.dumps(result))
    assert known_augment_results(setting, VARIANTS, range(3), tmp_path) == [result]
    path.write_text(json.dumps(result | {"seed": 1}))
    assert known_augment_results(setting, VARIANTS, range(3), tmp_path) == []


def test_new_site_and_new_stain_are_in_no_training_slide():
    drawn = unseen_recipes(4, 0)
    trained = {(recipe.site, recipe.scanner, recipe.stain) for recipe in drawn.training}
    assert {recipe.stain for recipe in drawn.training} == {recipe.stain for recipe in drawn.new_site}
    assert not {recipe.stain for recipe in drawn.new_stain} & {stain for *_, stain in trained}
    assert not {recipe.site for recipe in (*drawn.new_site, *drawn.new_stain)} & {site for site, *_ in trained}
    every = [*drawn.training, *drawn.known_sites, *drawn.new_site, *drawn.new_stain]
    assert len({recipe.patient for recipe in every}) == len({recipe.seed for recipe in every}) == 16
    assert {r.site for r in drawn.known_sites} == {r.site for r in drawn.training}


@pytest.mark.slow
def test_the_sets_are_drawn_and_each_slide_is_in_one(tmp_path):
    sets = unseen_sets(AugmentSetting(slides=1, size_px=900), tmp_path)
    assert [len(slides) for slides in sets.slides.values()] == [1, 1, 1, 1] and len(sets.cohort.slides) == 4
