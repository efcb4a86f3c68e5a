#!/usr/bin/env bash
# histomicstk 1.4.0: after a nucleus without cytoplasm around it all nuclei have the next one's cytoplasm gradients.
#
# Expected: the table of `compute_nuclei_features` has a row a nucleus, and what stands in it is that nucleus's own;
#           where there is no cytoplasm nothing is known of it.
# Seen:     a nucleus shut in by another has no pixel of cytoplasm. Its cytoplasm's gradients are left out and not left
#           empty, and the eight columns move up: it has those of the nucleus after it, that one its neighbour's, and so
#           on to the end of the tile; the last one's are not a number. Its mean intensity of cytoplasm is 0, as if it
#           were black. The intensities of the others stand where they belong, and so do the gradients without the one
#           nucleus. Nothing warns.
# For a lab: it takes one nucleus shut in, as where lymphocytes lie packed. From there on the cells of the tile are
#           sorted into kinds by the gradients of another cell, while every label, place and size is right.
# Searched (issues, documentation): HistomicsTK, cytoplasm features, correspond, NaN, gradient. Found that such nuclei
#           once raised an error, with empty values wished for, and that rows were not sure to correspond (both closed);
#           this is what came after.
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
from histomicstk.features import compute_nuclei_features
from histomicstk.segmentation.label import dilate_xor
from skimage.draw import disk

random = np.random.default_rng(0)
SHAPE = (120, 300)
nuclear = random.integers(60, 120, SHAPE).astype(np.uint8)
# Cytoplasm grows coarser from left to right, so that every nucleus has gradients of its own.
cytoplasm = (random.random(SHAPE) * np.linspace(5, 200, SHAPE[1])).astype(np.uint8)
COLUMN = "Cytoplasm.Gradient.Mag.Mean"


def nuclei(*discs: tuple[int, int]) -> np.ndarray:
    """The labels of `discs`, each a column and a radius, along one row; a later one lies on those before it."""
    label = np.zeros(SHAPE, int)
    for number, (column, radius) in enumerate(discs, 1):
        label[disk((60, column), radius)] = number
    return label


def by_hand(label: np.ndarray) -> dict[int, float]:
    """The mean gradient of each nucleus's ring of cytoplasm, by the package's own rings and NumPy."""
    ring = dilate_xor(label, neigh_width=8)
    down, right = np.gradient(cytoplasm)
    return {number: float(np.hypot(down, right)[ring == number].mean()) for number in np.unique(ring)[1:].tolist()}


agree, shifted, warned = {}, {}, {}
for name, label in (
    ("five apart", nuclei((30, 14), (90, 14), (150, 14), (210, 14), (270, 14))),
    ("the third within the second", nuclei((30, 14), (90, 14), (90, 5), (150, 14), (210, 14), (270, 14))),
):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        table = compute_nuclei_features(
            label, nuclear, cytoplasm, fsd_features_flag=False, haralick_features_flag=False,
        ).set_index("Label")
    own = by_hand(label)
    given = table[COLUMN].to_dict()
    for number in given:
        print(f"{name}: nucleus {number} at {table['Identifier.CentroidX'][number]:.0f}: gradient {given[number]:.2f},"
              f" by hand {own.get(number, float('nan')):.2f};"
              f" mean intensity of cytoplasm {table['Cytoplasm.Intensity.Mean'][number]:.1f}")
    agree[name] = [number for number in given if number in own and np.isclose(given[number], own[number])]
    shifted[name] = [number for number in given if number + 1 in own and np.isclose(given[number], own[number + 1])]
    warned[name] = {str(each.message) for each in seen}
extra = warned["the third within the second"] - warned["five apart"]
print("Right:", agree, "The next one's:", shifted, "Warned besides:", extra)
as_seen = (
    agree == {"five apart": [1, 2, 3, 4, 5], "the third within the second": [1, 2]}
    and shifted == {"five apart": [], "the third within the second": [3, 4, 5]}
    and np.isnan(given[6]) and table["Cytoplasm.Intensity.Mean"][3] == 0 and not extra
)
raise SystemExit(0 if as_seen else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
