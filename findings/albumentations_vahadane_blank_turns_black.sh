#!/usr/bin/env bash
# albumentations 2.0.8: H&E stain augmentation by Vahadane's method turns a blank white patch black (NaN where floats).
#
# Expected: where there is no stain nothing is to be changed: a white patch stays white, all the more with
#           `augment_background=False`, the default; or it is refused, as by method="macenko".
# Seen:     all 0 for uint8, all NaN for float32. With one stained pixel, or at 250, the patch comes back as it was. The
#           stain matrix of no stain is 0 / 0; the NaN is cast to 0. NumPy warns of the division, nothing else does.
# For a lab: patches padded beyond a slide's edge, and scanners' blank parts, are exactly 255; in training a share of
#           them is black (or a NaN loss), with the label of the bag.
# Searched (issues): HEStain, Vahadane, white, NaN. Found nothing.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    albumentations==2.0.8 albucore==0.0.24 opencv-python-headless==5.0.0.93 scipy==1.17.1 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import os
import warnings

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations
import numpy as np

warnings.simplefilter("ignore")
augment = albumentations.Compose([albumentations.HEStain(method="vahadane", p=1)], seed=1)
blank = np.full((64, 64, 3), 255, np.uint8)
one_stained = blank.copy()
one_stained[0, 0] = 120, 40, 90
patches = {
    "blank": blank,
    "blank, floats": np.ones((64, 64, 3), np.float32),
    "white at 250": np.full((64, 64, 3), 250, np.uint8),
    "one stained pixel": one_stained,
}
seen = {name: float(augment(image=patch)["image"].mean()) for name, patch in patches.items()}
for name, mean in seen.items():
    print(f"{name}: mean {patches[name].mean():.1f} became {mean:.1f}")
kept = abs(seen["white at 250"] - 250) < 1 and seen["one stained pixel"] > 254
raise SystemExit(0 if kept and seen["blank"] == 0 and np.isnan(seen["blank, floats"]) else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
