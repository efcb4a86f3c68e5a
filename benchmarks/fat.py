"""[fat] Fat area on simulated slides beside the exact truth, and on the real liver slide beside a program's mask."""

import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from benchmarks._mosaic import real_data
from benchmarks.result import Result
from mmdnet.simulate import SlideRecipe, simulate_slide
from mmdnet.simulate.recipes import STAINS
from mmdnet.simulate.truth import SlideTruth
from mmdnet.slides.measures.fat import fat_mask, measure_slide_fat
from mmdnet.slides.measures.tissue import find_tissue
from mmdnet.slides.patches import lay_patches
from mmdnet.slides.readers.open import open_slide

FIRST_SEED, SIDE_PX = 9300, 2000
FIELD_NOT_FITTED_ON = (4096, 512, 2048, 2048)  # x, y, width, height in level-0 px
SPOILT = {"pen", "fold", "bubble", "blur", "background"}
REAL_DICE_REACH = 0.85


def compare(path: Path, truth: SlideTruth) -> tuple[float, float, float, int]:
    """Measured and true fat share of a slide's patches that no artefact spoils, the patches' mean error and number."""
    with open_slide(path) as slide:
        tissue = find_tissue(slide)
        grid, places = lay_patches(slide, tissue)
        true = [truth.patch_grades(p.x_px0, p.y_px0, grid.side_px0[0]) for p in places]
        kept = [i for i, grades in enumerate(true) if grades["ignored"] not in SPOILT]
        measured = measure_slide_fat(slide, tissue, [places[i] for i in kept], grid)
    exact = np.asarray([float(true[i]["fat_area_share"] or 0) for i in kept])
    weight = np.asarray([float(true[i]["tissue_share"] or 0) for i in kept])
    return (
        measured.area_share,
        float((exact * weight).sum() / weight.sum()),
        float(np.nanmean(np.abs(measured.patch_shares - exact))),
        len(kept),
    )


def real_dice(data: Path, area_px0: tuple[int, int, int, int] = (0, 0, 6656, 3072)) -> dict[str, float]:
    """Dice of the real slide's fat inside tissue with the program's mask, and both areas; x, y, width, height."""
    x, y, width, height = area_px0
    with open_slide(data / "slides" / "liver_he_fields.svs") as slide:
        rgb = slide.read_region_px0(x, y, width, height, width, height)
        inside = find_tissue(slide).window(x, y, width, height, width, height)
        ours = fat_mask(rgb, slide.mpp) & inside
    theirs = cv2.imread(str(data / "slides" / "liver_he_fields_fat_mask.png"), cv2.IMREAD_GRAYSCALE) > 127
    theirs = theirs[y : y + height, x : x + width]
    both, tissue = int((ours & theirs).sum()), int(inside.sum())
    return {
        "real_dice": round(2 * both / int(ours.sum() + theirs.sum()), 4),
        "real_area_percent": round(100 * int(ours.sum()) / tissue, 2),
        "real_mask_area_percent": round(100 * int((theirs & inside).sum()) / tissue, 2),
    }


def recipes(quick: bool) -> list[SlideRecipe]:
    """One slide of 1 mm for each stain and steatosis grade, seeds that no weight was fitted on; sites in turn."""
    sites = ("North", "South", "West", "East")
    chosen = [(stain, grade) for stain in STAINS for grade in range(4)]
    return [
        SlideRecipe(
            seed=FIRST_SEED + i,
            patient=f"B{i}",
            site=sites[i % 4],
            scanner=f"Scanner {'ABCD'[(i * 3 + 1) % 4]}",
            stain=stain,
            grades={"steatosis": grade},
            width_px=SIDE_PX,
            height_px=SIDE_PX,
            artefacts=0.5,
        )
        for i, (stain, grade) in enumerate(chosen)
        if not quick or grade == (i // 4 + 1) % 4
    ]


def run(quick: bool) -> Result:
    rows, patch_errors, seconds, patches = [], [], 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        for i, recipe in enumerate(recipes(quick)):
            path = Path(folder) / f"{i}.tiff"
            truth = simulate_slide(recipe, path)
            start = time.process_time()
            measured, exact, patch_error, count = compare(path, truth)
            seconds, patches = seconds + time.process_time() - start, patches + count
            patch_errors.append(patch_error * 100)
            rows.append(
                {
                    "stain": recipe.stain,
                    "steatosis": recipe.grades["steatosis"],
                    "measured_percent": round(100 * measured, 2),
                    "true_percent": round(100 * exact, 2),
                    "error_points": round(100 * (measured - exact), 2),
                }
            )
            path.unlink()
    errors = np.abs([row["error_points"] for row in rows])
    beside: dict[str, object] = {
        "reach": 1.0,
        "reach_is": "most",
        "largest_error_points": float(errors.max()),
        "by_stain": _means("stain", rows),
        "by_grade": _means("steatosis", rows),
        "patch_mean_absolute_error": round(float(np.mean(patch_errors)), 3),
        "cpu_ms_a_patch": round(1000 * seconds / patches, 1),
        "slides": rows,
    }
    data = real_data()
    if data is not None:
        real = real_dice(data)
        beside |= real | {"also": {"Dice on the real liver slide": (real["real_dice"], "least", REAL_DICE_REACH)}}
        beside["real_dice_of_the_field_not_fitted_on"] = real_dice(data, FIELD_NOT_FITTED_ON)["real_dice"]
    return Result("fat", float(errors.mean()), "points of fat area %, mean absolute error", beside, len(rows))


def _means(of: str, rows: list[dict]) -> dict[str, float]:
    """Mean absolute error by stain or grade."""
    names = sorted({str(row[of]) for row in rows})
    return {
        name: round(float(np.mean([abs(row["error_points"]) for row in rows if str(row[of]) == name])), 2)
        for name in names
    }
