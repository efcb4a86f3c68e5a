#!/usr/bin/env bash
# histomicstk 1.4.0: a nucleus's Haralick texture is that of its box with what lies around, and of a float image none.
#
# Expected: `compute_haralick_features` computes texture "for each object in the given label mask"; an object of one
#           grey level has contrast 0, whatever lies beside it, as with scikit-image 0.26.0's counts of pairs within the
#           outline. A "real valued" image of 0 to 1 is documented, and gives what the same image of 0 to 255 does.
# Seen:     the same nucleus, evenly grey, has contrast 0 on an even ground and 33 on a coarse one; a coarse one on an
#           even ground has 122 in place of 148. All of the bounding box counts, with a row and a column more, to the
#           last digit: the package's own count of pairs takes a mask, and is given none. Of an image of 0 to 1 every
#           pixel is first cut to a whole number, so contrast and entropy are 0 for every nucleus. Nothing warns.
# For a lab: of a round nucleus's texture more than a fifth is ground and neighbours, of a slanting spindle's more; fat
#           or a sinusoid beside it makes its chromatin coarse. `compute_nuclei_features` hands the same numbers on.
# Searched (issues, documentation): HistomicsTK, compute_haralick_features, mask, bounding box, float, uint8. Found
#           nothing.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    ctk-cli==1.5 large-image==1.35.6 numpy==2.4.6 pandas==3.1.1 scikit-image==0.26.0 scipy==1.17.1 shapely==2.2.0
# Without the server and the readers of slides: no slide is read here.
"$place/venv/bin/pip" --disable-pip-version-check -q install --no-deps \
    girder-slicer-cli-web==5.0.21 histomicstk==1.4.0

cat > "$place/look.py" <<'PY'
import warnings

import numpy as np
from histomicstk.features import compute_haralick_features
from skimage.draw import disk
from skimage.feature import graycomatrix

LEVELS = 32
WAYS = [(0, 1), (1, 0), (1, 1), (1, -1)]
random = np.random.default_rng(0)
label = np.zeros((60, 60), int)
label[disk((30, 30), 10)] = 1
inside = label == 1
coarse = random.integers(0, 256, label.shape)
even = np.full(label.shape, 100)
pictures = {
    "even nucleus, even ground": even,
    "even nucleus, coarse ground": np.where(inside, even, coarse),
    "coarse nucleus, even ground": np.where(inside, coarse, even),
}


def theirs(picture: np.ndarray) -> tuple[float, float]:
    """Contrast and entropy by histomicstk."""
    table = compute_haralick_features(label, picture, offsets=np.array(WAYS), num_levels=LEVELS)
    return float(table["Haralick.Contrast.Mean"][0]), abs(float(table["Haralick.Entropy.Mean"][0]))


def pairs(picture: np.ndarray, kept: np.ndarray) -> float:
    """Contrast by scikit-image, of the pairs whose pixels are both in `kept`; the level 0 stands for all others."""
    grey = np.where(kept, np.round(picture / 255 * (LEVELS - 1)) + 1, 0).astype(np.uint8)
    angles = [float(np.arctan2(down, right)) for down, right in WAYS]
    contrast = []
    for angle in angles:
        counts = graycomatrix(grey, [1], [angle], levels=LEVELS + 1, symmetric=True)[1:, 1:, 0, 0].astype(float)
        first, second = np.indices(counts.shape)
        contrast.append(float((counts * (first - second) ** 2).sum() / counts.sum()))
    return float(np.mean(contrast))


rows, columns = np.nonzero(inside)
box = np.zeros_like(inside)
box[rows.min() : rows.max() + 2, columns.min() : columns.max() + 2] = True
results = {}
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for name, picture in pictures.items():
        whole, real = theirs(picture.astype(np.uint8)), theirs(picture / 255.0)
        results[name] = whole[0], pairs(picture, inside), pairs(picture, box), real
        print(f"{name}: contrast {whole[0]:.2f}; scikit-image within the outline {results[name][1]:.2f}, in the box"
              f" with a row and a column more {results[name][2]:.2f}; of the image as 0 to 1: contrast {real[0]:.2f},"
              f" entropy {real[1]:.4f}")
print("Warned:", [str(each.message) for each in warned])
ground, nucleus = results["even nucleus, coarse ground"], results["coarse nucleus, even ground"]
as_seen = (
    results["even nucleus, even ground"][0] == 0 and ground[0] > 20 and ground[1] == 0
    and abs(nucleus[0] - nucleus[1]) > 10 and all(np.isclose(each[0], each[2], rtol=1e-6) for each in results.values())
    and all(each[3][0] == 0 and each[3][1] < 0.001 for each in results.values()) and not warned
)
raise SystemExit(0 if as_seen else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
