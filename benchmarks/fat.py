"""[fat] Fat area on simulated slides beside the exact truth, and on the real liver slide beside a program's mask."""

import tempfile
from pathlib import Path

import cv2
import numpy as np

from benchmarks._mosaic import real_data
from benchmarks.result import Result
from mmdnet.simulate import demo_recipes, simulate_slide
from mmdnet.simulate.truth import SlideTruth
from mmdnet.slides.fat import fat_mask, measure_slide_fat
from mmdnet.slides.open import open_slide
from mmdnet.slides.patches import lay_patches
from mmdnet.slides.tissue import find_tissue

SPOILT = {"pen", "fold", "bubble", "blur", "background"}


def compare(path: Path, truth: SlideTruth, most_patches: int) -> tuple[float, float, float]:
    """Measured and true fat share of a slide's patches that no artefact spoils, and the patches' mean error."""
    with open_slide(path) as slide:
        tissue = find_tissue(slide)
        grid, places = lay_patches(slide, tissue)
        true = [truth.patch_grades(p.x_px0, p.y_px0, grid.side_px0[0]) for p in places]
        kept = [i for i, grades in enumerate(true) if grades["ignored"] not in SPOILT]
        kept = [kept[i] for i in np.linspace(0, len(kept) - 1, min(len(kept), most_patches)).astype(int)]
        measured = measure_slide_fat(slide, tissue, [places[i] for i in kept], grid)
    exact = np.asarray([float(true[i]["fat_area_share"] or 0) for i in kept])
    weight = np.asarray([float(true[i]["tissue_share"] or 0) for i in kept])
    return (
        measured.area_share,
        float((exact * weight).sum() / weight.sum()),
        float(np.abs(measured.patch_shares - exact).mean()),
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
        "real_dice_reach": 0.85,
        "real_area_percent": round(100 * int(ours.sum()) / tissue, 2),
        "real_mask_area_percent": round(100 * int((theirs & inside).sum()) / tissue, 2),
    }


def run(quick: bool) -> Result:
    recipes = demo_recipes(seed=3)[:: 4 if quick else 1]
    errors, patch_errors, pairs = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for i, recipe in enumerate(recipes):
            path = Path(folder) / f"{i}.tiff"
            truth = simulate_slide(recipe, path)
            measured, exact, patch_error = compare(path, truth, 25 if quick else 10_000)
            errors.append(abs(measured - exact) * 100)
            patch_errors.append(patch_error * 100)
            pairs.append([round(100 * measured, 2), round(100 * exact, 2)])
            path.unlink()
    beside: dict[str, object] = {
        "reach": 1.0,
        "reach_is": "most",
        "patch_mean_absolute_error": round(float(np.mean(patch_errors)), 3),
        "measured_and_true_percent": pairs,
    }
    data = real_data()
    if data is not None:
        beside |= real_dice(data)
        beside["also"] = {"Dice of fat on the real slide": (beside["real_dice"], "least", beside["real_dice_reach"])}
    return Result("fat", float(np.mean(errors)), "points of fat area %, mean absolute error", beside, len(recipes))
