#!/usr/bin/env bash
# OpenCV 5.0.0: enlarging with INTER_AREA takes the pixel before the right one where two edges meet, for some sizes.
#
# Expected: with INTER_AREA each new pixel is the mean of what it covers; new pixel 49 of 98 begins exactly where pixel 27
#           of 54 does, so it is that pixel.
# Seen:     it is pixel 26. The place is 49 * (1 / (98 / 54)) = 26.999999999999996, whose floor is 26, and the weight of
#           the next pixel comes out as a whole 1, of which the fraction 0 is kept. From 54 to 98 one pixel is wrong, by
#           a whole step between neighbours; from 592 to 598 none.
# For a lab: the mean over areas is exact on the sizes one tries and wrong in one row and column of patches on others.
# Searched (issues): INTER_AREA, wrong pixel. Found weights lost where sizes shrink, not this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install opencv-python-headless==5.0.0.93 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import cv2
import numpy as np


def largest_error(few, many):
    row = (np.arange(few) % 50 * 5).astype(np.uint8)
    seen = cv2.resize(np.stack([row, row]), (many, 4), interpolation=cv2.INTER_AREA)[0]
    edges, pixel = np.arange(many + 1) * few / many, np.arange(few)
    shared = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    off = np.abs(seen - np.clip(shared, 0, None) @ row.astype(float) * many / few)
    return round(float(off.max()), 2), int(off.argmax())


wrong, right = largest_error(54, 98), largest_error(592, 598)
print("54 to 98:", wrong, "| 592 to 598:", right, "(grey levels, pixel)")
raise SystemExit(0 if wrong == (5.0, 49) and right[0] <= 1.1 else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
