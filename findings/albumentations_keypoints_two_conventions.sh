#!/usr/bin/env bash
# albumentations 2.0.8 counts key points from pixel centres where it flips and from pixel edges where it resizes.
#
# Expected: one convention throughout, so that enlarging and flipping give the same place in either order, as they do
#           for the image itself and for its boxes.
# Seen:     a flip takes x to width - 1 - x (the pixel's index), a resize takes x to x * factor (a place between edges).
#           Enlarged eight times and then flipped, a point lies 7 pixels beside the one flipped and then enlarged.
# For a lab: centres of cells or droplets carried with patches drift by up to a factor's pixels against the picture, by
#           which of the two was done first; the boxes around them do not.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    albumentations==2.0.8 albucore==0.0.24 opencv-python-headless==5.0.0.93 scipy==1.17.1 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as album
import cv2
import numpy as np

FACTOR, SIDE, PLACE = 8, 40, 10
enlarge = album.Resize(SIDE * FACTOR, SIDE * FACTOR, interpolation=cv2.INTER_NEAREST)
flip = album.HorizontalFlip(p=1)
image = np.zeros((SIDE, SIDE, 3), np.uint8)
image[PLACE, PLACE] = 255


def done(*steps):
    points, boxes = album.KeypointParams(format="xy"), album.BboxParams(format="pascal_voc", label_fields=[])
    pipeline = album.Compose(list(steps), keypoint_params=points, bbox_params=boxes, seed=1)
    box = (PLACE, PLACE, PLACE + 1, PLACE + 1)
    result = pipeline(image=image, keypoints=[(PLACE, PLACE)], bboxes=[box])
    columns = np.nonzero(result["image"].any((0, 2)))[0]
    left, _, right, _ = result["bboxes"][0]
    return float(columns.mean()), float(left + right) / 2, float(result["keypoints"][0][0])


one, other = done(enlarge, flip), done(flip, enlarge)
print("enlarged, then flipped: pixels' mean column, box's centre, key point", one)
print("flipped, then enlarged: pixels' mean column, box's centre, key point", other)
same = one[0] == other[0] and abs(one[1] - other[1]) < 1e-3
raise SystemExit(0 if same and one[2] - other[2] == FACTOR - 1 else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
