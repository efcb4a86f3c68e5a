#!/usr/bin/env bash
# liverquant 0.0.4: of a picture wider than high, or higher than wide, only the first square is looked at for fat.
#
# Expected: `detect_fat_globules` finds the globules of an "input RGB image tile" whatever its sides; nothing in its
#           documentation asks for a square.
# Seen:     of four equal squares of tissue side by side, 64 globules and 32 % fat, it finds the 16 of the first: 8 %.
#           The same upright. Places across are held against the height and places down against the width; in a square
#           the two are one. The tiles that the package itself cuts from a slide are squares unless it is told to cut
#           others.
# For a lab: a photograph of 4 : 3 loses a quarter of its fat and the picture of a core lying along it nearly all,
#           without a word; 40 % that comes out as 10 % is grade 1 in place of 2.
# Searched (issues, documentation): liverquant, detect_fat_globules, width and height, not square. Found nothing.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install opencv-python-headless==5.0.0.93 geojson==3.3.0 \
    scikit-image==0.26.0 scikit-learn==1.9.1 matplotlib==3.11.2 openslide-python==1.4.7 openslide-bin==4.0.1.2 \
    numpy==2.4.6
"$place/venv/bin/pip" --disable-pip-version-check -q install --no-deps liverquant==0.0.4 cv2geojson==0.0.9

cat > "$place/look.py" <<'PY'
import cv2
import numpy as np
from liverquant import detect_fat_globules

MPP, SIDE, APART, RADIUS = 0.5, 256, 64, 20  # µm/px, then pixels: globules of 20 µm


def count(mask):
    return cv2.connectedComponents(mask.astype(np.uint8))[0] - 1


square = np.full((SIDE, SIDE, 3), (215, 130, 190), np.uint8)
for y in range(APART // 2, SIDE, APART):
    for x in range(APART // 2, SIDE, APART):
        cv2.circle(square, (x, y), RADIUS, (255, 255, 255), -1, cv2.LINE_AA)
pictures = {
    "one square": square,
    "four side by side": np.hstack([square] * 4),
    "four upright": np.vstack([square] * 4),
    "two by two": np.vstack([np.hstack([square] * 2)] * 2),
    "4 : 3": np.vstack([np.hstack([square] * 4)] * 3),
}
seen = {}
for name, picture in pictures.items():
    white, found = picture.min(2) > 200, detect_fat_globules(picture, resolution=MPP) > 0
    seen[name] = count(white), count(found)
    share = f"{white.mean() * 100:.0f} % is white, {found.mean() * 100:.0f} % found"
    print(f"{name}: {seen[name][1]} of {seen[name][0]} globules; {share}")
squares = seen["one square"] == (16, 16) and seen["two by two"] == (64, 64)
strips = seen["four side by side"] == seen["four upright"] == (64, 16)
raise SystemExit(0 if squares and strips and seen["4 : 3"] == (192, 144) else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
