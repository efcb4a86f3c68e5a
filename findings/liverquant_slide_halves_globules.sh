#!/usr/bin/env bash
# liverquant 0.0.4: on a slide fat is measured at half its size by default: globules of 7 µm are not found at all.
#
# Expected: `min_diameter=5` and `max_diameter=100` are micrometres, at whatever `downsample` the slide is read; as in
#           `detect_fat_globules`, which is told the pixel size of its image.
# Seen:     `detect_fat_globules_wsi` reads the slide at half its resolution (`downsample=2`, the default) and gives the
#           full resolution's pixel size with it. Of 169 globules of 7 µm it finds 169 at `downsample=1` and none at 2;
#           a blank round of 150 µm, a vein for instance, is fat at 2 and not at 1. The package's own functions for
#           collagen and for colours of a slide multiply by `downsample`. Its published comparison with Kleiner's grades
#           was made at `downsample=1`.
# For a lab: small fat is lost and veins are added without a word, just by the default; the share of fat, of which the
#           grade is made, falls below 5 % or rises above it.
# Searched (issues, documentation): liverquant, fat globules, downsample, resolution, diameter. Found nothing.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install opencv-python-headless==5.0.0.93 geojson==3.3.0 \
    scikit-image==0.26.0 scikit-learn==1.9.1 matplotlib==3.11.2 openslide-python==1.4.7 openslide-bin==4.0.1.2 \
    tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
"$place/venv/bin/pip" --disable-pip-version-check -q install --no-deps liverquant==0.0.4 cv2geojson==0.0.9

cat > "$place/look.py" <<'PY'
import contextlib
import io
import sys

import cv2
import numpy as np
import openslide
import tifffile
from cv2geojson import GeoContour
from liverquant import detect_fat_globules_wsi

MPP, LEFT, RIGHT, SIDE = 0.5, 280, 1160, 1440


def slide(diameter, apart):
    """Pink tissue with blank rounds of this diameter (µm), so many pixels apart; the file and how many rounds."""
    picture = np.full((SIDE, SIDE, 3), (215, 130, 190), np.uint8)
    places = range(LEFT + apart // 2, RIGHT - apart // 4, apart)
    for y in places:
        for x in places:
            radius = diameter / MPP / 2
            cv2.circle(picture, (x * 16, y * 16), round(radius * 16), (255, 255, 255), -1, cv2.LINE_AA, 4)
    file = f"{sys.argv[1]}/{diameter}.tif"
    pixels_per_cm = 10_000 / MPP
    tifffile.imwrite(
        file, picture, tile=(256, 256), photometric="rgb", resolution=(pixels_per_cm,) * 2, resolutionunit="CENTIMETER"
    )
    return file, len(places) ** 2


def fat(file, **chosen):
    """Percent of the tissue, and how many globules."""
    box = np.array([[[LEFT, LEFT]], [[RIGHT, LEFT]], [[RIGHT, RIGHT]], [[LEFT, RIGHT]]], np.int32)
    with openslide.OpenSlide(file) as opened, contextlib.redirect_stdout(io.StringIO()):
        percent, globules, _, _ = detect_fat_globules_wsi(opened, [GeoContour([box])], cores_num=1, **chosen)
    return float(percent), len(globules)


if __name__ == "__main__":
    seen = {}
    for diameter, apart in ((7, 65), (20, 110), (150, 440)):
        file, many = slide(diameter, apart)
        true = many * np.pi / 4 * (diameter / MPP) ** 2 / (RIGHT - LEFT) ** 2 * 100
        seen[diameter] = many, fat(file, downsample=1), fat(file)
        full, default = seen[diameter][1:]
        print(f"{many} rounds of {diameter} µm, {true:.1f} %: at downsample 1 {full}, by default {default}")
    small, middle, vein = (tuple(found for _, found in seen[d][1:]) for d in (7, 20, 150))
    same = small == (seen[7][0], 0) and vein == (0, seen[150][0]) and middle == (seen[20][0],) * 2
    raise SystemExit(0 if same else 1)
PY
"$place/venv/bin/python" "$place/look.py" "$place" || { echo "Changed."; exit 1; }
echo "As described."
