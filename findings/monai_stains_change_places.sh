#!/usr/bin/env bash
# MONAI 1.6.1: stain normalisation makes nuclei pink and cytoplasm violet: eosin is taken for haematoxylin.
#
# Expected: `ExtractHEStains` gives a matrix of absorbances whose "first column is H, second column is E", and
#           `NormalizeHEStains` leaves an image that already has the reference's stains about as it is; as MONAI 1.5.2
#           and torchstain 1.4.1 do, of the same method (Macenko 2009) and the same reference.
# Seen:     of an image made of the package's own reference stains the first column is the eosin, the second the
#           haematoxylin. Normalised, nuclei of (94, 68, 116) come out (190, 114, 144) and cytoplasm of (195, 127, 154)
#           comes out (110, 87, 134): each has about the other's colour; 1.5.2 and torchstain move neither by more than
#           5 grey levels. Since 1.6.0 the stain whose red to blue ratio is lower stands first. That is true of the
#           colours, blue nuclei and pink cytoplasm; but absorbances are compared, and haematoxylin absorbs more red.
#           Three real fields of liver came out so as well: red nuclei in violet cytoplasm. Nothing warns.
# For a lab: patches normalised after an update have their stains changed about, and a model trained before it takes
#           cytoplasm for nuclei; one trained after it learns all the same, and fails on every other lab's images.
# Searched (issues, documentation): ExtractHEStains, NormalizeHEStains, swapped, order, pink nuclei. Found the change
#           that brought it (8551, September 2025), which means to correct the order; no word that it turned it round.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    monai==1.6.1 numpy==2.4.6 torch==2.15.0 torchstain==1.4.1
"$place/venv/bin/pip" --disable-pip-version-check -q install --no-deps --target "$place/before" monai==1.5.2

cat > "$place/look.py" <<'PY'
import json
import sys
import warnings

import monai
import numpy as np
from monai.apps.pathology.transforms.stain.array import ExtractHEStains, NormalizeHEStains
from torchstain.numpy.normalizers import NumpyMacenkoNormalizer

REFERENCE = np.array([[0.5626, 0.2159], [0.7201, 0.8012], [0.4062, 0.5581]])
random = np.random.default_rng(0)
side = 128
rows, columns = np.mgrid[:side, :side] % 24 - 12
nuclei = rows**2 + columns**2 < 36
haematoxylin = np.where(nuclei, random.uniform(0.9, 1.5, nuclei.shape), random.uniform(0.02, 0.1, nuclei.shape))
eosin = np.where(nuclei, random.uniform(0.1, 0.2, nuclei.shape), random.uniform(0.5, 1.2, nuclei.shape))
haematoxylin *= 1.9705 / np.percentile(haematoxylin, 99)
eosin *= 1.0308 / np.percentile(eosin, 99)
picture = (240 * np.exp(-np.stack([haematoxylin, eosin], axis=-1) @ REFERENCE.T)).astype(np.uint8)


def colours(image: np.ndarray) -> list[list[int]]:
    """The mean red, green and blue of the nuclei and of all else."""
    return [image[part].mean(axis=0).round().astype(int).tolist() for part in (nuclei, ~nuclei)]


with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    stains = ExtractHEStains()(picture)
    normalised = NormalizeHEStains()(picture)
theirs = NumpyMacenkoNormalizer().normalize(picture, stains=False)[0]
likeness = (stains / np.linalg.norm(stains, axis=0)).T @ (REFERENCE / np.linalg.norm(REFERENCE, axis=0))
found = {
    "version": monai.__version__, "first column is": ["H", "E"][int(np.argmax(likeness[0]))],
    "second is": ["H", "E"][int(np.argmax(likeness[1]))], "nuclei and rest as given": colours(picture),
    "normalised": colours(normalised), "by torchstain": colours(np.asarray(theirs)),
    "warned": [str(each.message) for each in warned],
}
print(json.dumps(found), file=sys.stdout)
PY
"$place/venv/bin/python" "$place/look.py" | tee "$place/now.json"
PYTHONPATH="$place/before" "$place/venv/bin/python" "$place/look.py" | tee "$place/before.json"
"$place/venv/bin/python" - "$place/now.json" "$place/before.json" <<'PY' || { echo "Changed."; exit 1; }
import json
import sys

now, before = (json.loads(open(name).read()) for name in sys.argv[1:])


def near(one: list[list[int]], other: list[list[int]], within: int) -> bool:
    """Whether two pairs of colours are alike, to so many grey levels."""
    return all(abs(a - b) <= within for first, second in zip(one, other) for a, b in zip(first, second))


given = now["nuclei and rest as given"]
as_seen = (
    now["version"] == "1.6.1" and (now["first column is"], now["second is"]) == ("E", "H") and not now["warned"]
    and near(now["normalised"], given[::-1], 20) and near(now["by torchstain"], given, 20)
    and before["version"] == "1.5.2" and (before["first column is"], before["second is"]) == ("H", "E")
    and near(before["normalised"], given, 20)
)
raise SystemExit(0 if as_seen else 1)
PY
echo "As described."
