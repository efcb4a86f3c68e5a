"""[eyes] Fat of real liver patches, with pretrained weights beside random ones: one field left out in turn.

Beside both trainings stands the light model's head of steatosis, which reads measured fat and learns from the same
labels in a moment.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks._cohort import Pixels
from benchmarks._mosaic import real_data
from benchmarks.result import Result
from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.bags.splits import Split
from mmdnet.errors import LabError
from mmdnet.labels.agreement import quadratic_kappa
from mmdnet.labels.grading import UNKNOWN, steatosis_grade
from mmdnet.labels.light import FAT, Moments, fat_features, fit_head, likeliest_grade
from mmdnet.nn.registry import PRETRAINED, SMALL
from mmdnet.reports.findings import FAT_AREA_PER_FATTY_SHARE
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.slides.measures.fat import fat_mask
from mmdnet.training.config import TrainingConfig
from mmdnet.training.loop import train

FIELDS = ("tile01", "tile02", "tile03")
MPP = 0.4942
QUARTER = 1024  # px: a bag is of one quarter of a field
OVERLAP = 2  # a patch begins every half patch, since the fields hold 81 patches only
DRAWS = 500
WAYS = {"pretrained": PRETRAINED, "small": SMALL}
LIGHT = "light"


@dataclass(frozen=True)
class Fields:
    """Patches of the fields, their painted fat, and what they overlap with.

    Attributes:
        field: (N,) which field a patch is of.
        fat: (N,) share of its area that is painted.
        measured: (N,) share of its area that the product finds to be fat.
        block: (N,) a number for each square of a patch's side in it; draws take whole ones.
    """

    cohort: Cohort
    pixels: Pixels
    field: np.ndarray
    fat: np.ndarray
    measured: np.ndarray
    block: np.ndarray

    @property
    def grade(self) -> np.ndarray:
        return self.cohort.grades[:, 2]


def run(quick: bool = False) -> Result:
    """Quadratic kappa of the patches' steatosis grade, pretrained; and beside it `small`, the default of before.

    The grade is the fat area that a program painted, through the cuts that reports use (1.7, 11 and 23 % of the area).
    Everything else is the trainer's default. Intervals are of 95 %, drawn over squares of a patch's side, for
    patches overlap (so still a little narrow); the difference is drawn in pairs. Quick: one field and two epochs.
    """
    fields = read_fields()
    left_out = range(1) if quick else range(len(FIELDS))
    beside: dict[str, object] = {"patches": len(fields.fat), "grades": np.bincount(fields.grade).tolist()}
    expected, graded = {}, {}
    for way, backbone in WAYS.items():
        expected[way], graded[way] = np.full(len(fields.fat), np.nan), np.full(len(fields.fat), UNKNOWN)
        began, processor = time.perf_counter(), time.process_time()
        for field in left_out:
            of_field = fields.field == field
            means, grades = _learn(fields, backbone, field, 2 if quick else None)
            expected[way][of_field], graded[way][of_field] = means[of_field], grades[of_field]
        folds = len(left_out)
        beside[f"{way}_s_a_fold"] = round((time.perf_counter() - began) / folds, 1)
        beside[f"{way}_processor_s_a_fold"] = round((time.process_time() - processor) / folds, 1)
    expected[LIGHT], graded[LIGHT] = light_of(fields)
    looked = np.isin(fields.field, list(left_out))
    parts = {FIELDS[field]: fields.field == field for field in left_out} | {"all": looked}
    for name, part in parts.items():
        beside[name] = _compared(fields, part, expected, graded)
    value = quadratic_kappa(fields.grade[looked], graded["pretrained"][looked].astype(int), 4)
    return Result("eyes", value, "quadratic kappa, field left out", beside, len(left_out))


def read_fields() -> Fields:
    """All patches of the fields at 0.5 µm/px, in quarters.

    Raises:
        LabError: there is no real tissue on this machine.
    """
    data = real_data()
    if data is None:
        raise LabError("There is no real tissue on this machine (MMDNET_REAL_DATA).")
    side = round(PATCH_PX * 0.5 / MPP)
    images, rows, infos = [], [], []
    for field, name in enumerate(FIELDS):
        image = cv2.imread(str(data / "liver_he" / f"{name}_HE.jpg"))[:, :, ::-1]
        painted = _is_green(cv2.imread(str(data / "liver_he" / f"{name}_HE_tagged.jpg")))
        found = fat_mask(np.ascontiguousarray(image), MPP)
        for top in range(0, len(image), QUARTER):
            for left in range(0, len(image), QUARTER):
                slide = len(infos)
                infos.append(SlideInfo(slide, name, stain="H&E", name=f"{name} {top} {left}"))
                for y in range(top, top + QUARTER - side + 1, side // OVERLAP):
                    for x in range(left, left + QUARTER - side + 1, side // OVERLAP):
                        patch = cv2.resize(image[y : y + side, x : x + side], (PATCH_PX, PATCH_PX), interpolation=3)
                        images.append(patch)
                        fat = float(painted[y : y + side, x : x + side].mean())
                        measured = float(found[y : y + side, x : x + side].mean())
                        rows.append((slide, field, fat, measured, field * 10_000 + y // side * 100 + x // side))
    slide, field, fat, measured, block = (np.array(column) for column in zip(*rows, strict=True))
    grades = np.full((len(rows), 3), UNKNOWN, np.int8)
    grades[:, 2] = [steatosis_grade(min(1.0, share / FAT_AREA_PER_FATTY_SHARE)) for share in fat]
    cohort = Cohort(tuple(infos), np.arange(len(rows)), slide, grades, np.zeros(len(rows), bool))
    return Fields(cohort, Pixels(np.stack(images)), field, fat, measured, block)


def _is_green(bgr: np.ndarray) -> np.ndarray:
    """Where the program painted: pure green, blurred a little by JPEG."""
    blue, green, red = (bgr[:, :, channel].astype(int) for channel in range(3))
    return (green > 180) & (blue < 120) & (red < 120)


def _learn(fields: Fields, backbone: str, left_out: int, epochs: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean grade and grade of every patch after a training on the other fields with the trainer's defaults."""
    import torch

    from mmdnet.nn.io import load_model
    from mmdnet.training.evaluate import pixels_to_features

    of_slide = {int(slide): int(field) for slide, field in zip(fields.cohort.slide_index, fields.field, strict=True)}
    split = Split(
        tuple(slide for slide, field in of_slide.items() if field != left_out),
        test=tuple(slide for slide, field in of_slide.items() if field == left_out),
    )
    config = TrainingConfig(backbone=backbone, device="cpu", **({"epochs": epochs} if epochs else {}))
    with tempfile.TemporaryDirectory() as folder:
        train(fields.cohort, fields.pixels, config, split, Path(folder))
        net, _ = load_model(Path(folder) / "model")
    embed = pixels_to_features(net, torch.device("cpu"))
    places = np.arange(len(fields.fat))
    with torch.inference_mode():
        parts = [embed(fields.pixels.read(chosen)) for chosen in np.array_split(places, len(places) // 32)]
        shares = net.instance_probabilities(torch.cat(parts))["steatosis"].numpy()
    return shares @ np.arange(4), (np.cumsum(shares, axis=1) < 0.5).sum(axis=1)


def light_of(fields: Fields) -> tuple[np.ndarray, np.ndarray]:
    """Mean grade and grade of every patch by the light model's head of steatosis, learnt on the other fields."""
    features, moments = fat_features(fields.measured), Moments()
    moments.add(features)
    reduced = moments.reduction()(features)
    shares = np.zeros((len(reduced), 4))
    for field in range(len(FIELDS)):
        out = fields.field == field
        shares[out] = fit_head(reduced[~out], fields.grade[~out], 4, FAT).probabilities(reduced[out])
    return shares @ np.arange(4), likeliest_grade(shares)


def _compared(
    fields: Fields, part: np.ndarray, expected: dict[str, np.ndarray], graded: dict[str, np.ndarray]
) -> dict[str, object]:
    """Kappa and AUC (more fat than the part's median) of each way, and of what the others gain over small, with
    intervals."""
    fatter = fields.fat > np.median(fields.fat[part])

    def kappa(way: str) -> Callable[[np.ndarray], float]:
        return lambda rows: quadratic_kappa(fields.grade[rows], graded[way][rows].astype(int), 4)

    def auc(way: str) -> Callable[[np.ndarray], float]:
        return lambda rows: float(roc_auc_score(fatter[rows], expected[way][rows]))

    result: dict[str, object] = {}
    rng = np.random.default_rng(0)
    of_block = [np.flatnonzero(part & (fields.block == block)) for block in np.unique(fields.block[part])]
    drawn = [np.concatenate([of_block[i] for i in rng.integers(0, len(of_block), len(of_block))]) for _ in range(DRAWS)]
    drawn = [rows for rows in drawn if 0 < fatter[rows].sum() < len(rows) and len(set(fields.grade[rows])) > 1]
    for name, measure in (("kappa", kappa), ("auc", auc)):
        values = {way: np.array([measure(way)(rows) for rows in drawn]) for way in graded}
        points = {way: measure(way)(np.flatnonzero(part)) for way in graded}
        for way in graded:
            result[f"{way}_{name}"] = _with_interval(points[way], values[way])
        for way in ("pretrained", LIGHT):
            gain = values[way] - values["small"]
            result[f"{name}_gained_by_{way}"] = _with_interval(points[way] - points["small"], gain)
    return result


def _with_interval(point: float, draws: np.ndarray) -> list[float]:
    """The figure and the 95 % of its draws."""
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return [round(float(value), 3) for value in (point, low, high)]
