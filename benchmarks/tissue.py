"""[tissue] Tissue on the real liver slide: is fat inside, and is glass outside?"""

import cv2
import numpy as np

from benchmarks._mosaic import real_data
from benchmarks.result import Result
from mmdnet.errors import LabError
from mmdnet.slides.measures.tissue import find_tissue
from mmdnet.slides.readers.open import open_slide

FIELDS_PX0 = ((256, 1024, 1024), (1536, 512, 2048), (4096, 512, 2048))  # x, y, side of the painted fields
NEAR_UM = 16.0  # two pixels of the mask


def run(quick: bool) -> Result:
    data = real_data()
    if data is None:
        raise LabError("The real liver slide is not here; set MMDNET_REAL_DATA to its folder.")
    with open_slide(data / "slides" / "liver_he_fields.svs") as slide:
        width, height = slide.facts.width_px0, slide.facts.height_px0
        tissue = find_tissue(slide)
        inside = tissue.window(0, 0, width, height, width, height)
        near = round(NEAR_UM / slide.mpp)
    fat = cv2.imread(str(data / "slides" / "liver_he_fields_fat_mask.png"), cv2.IMREAD_GRAYSCALE) > 127
    painted = np.zeros((height, width), bool)
    for x, y, side in FIELDS_PX0:
        painted[max(0, y - near) : y + side + near, max(0, x - near) : x + side + near] = True
    outside = round(100 * float((~inside[~painted]).mean()), 3)
    beside = {
        "reach": 99,
        "glass_outside_percent": outside,
        "also": {"% of glass outside": (outside, "least", 98)},
        "area_mm2": round(tissue.area_mm2, 3),
    }
    return Result("tissue", 100 * float(inside[fat].mean()), "% of the fat mask inside tissue", beside, 1)
