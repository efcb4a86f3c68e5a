#!/usr/bin/env bash
# qubalab 0.2.1: in a label image of nested outlines half of the inner ones lie under the outer ones given before.
#
# Expected: where outlines lie over each other the one given later is on top, as painted one after the other; or by some
#           other rule that is told, as the smaller on top. An outline elsewhere on the slide changes nothing here.
# Seen:     `LabeledImageServer` paints them as its spatial index lists them, in an order that comes from the places of
#           all outlines. Of 100 vessels, given after the 100 pieces of tissue that they lie in, 49 are not in the label
#           image at all: vessel is 2.2 % of what is outlined, where it should be 4 %. As more outlines are drawn
#           elsewhere 22 of 91 come or go. With `multichannel=True` all are there. Nothing warns.
# For a lab: it comes from the makers of QuPath, whose annotations are nested: a lumen, a tumour or an artefact in
#           tissue. A mask for training, or for a share of fat, lacks half of them, and others once a reader has added
#           an outline elsewhere.
# Searched (issues, documentation): qubalab, LabeledImageServer, overlapping, nested, order. Found nothing of overlap;
#           the documentation of the label image names none.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    dask==2026.8.0 dask-image==2026.5.0 geojson==3.3.0 numpy==2.4.6 pillow==13.0.0 rasterio==1.4.4 shapely==2.2.0
# Without the readers of slides and the bridge to a running QuPath: no image is read here.
"$place/venv/bin/pip" --disable-pip-version-check -q install --no-deps qubalab==0.2.1

cat > "$place/look.py" <<'PY'
import sys
import types
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from shapely import box
from shapely.geometry import mapping

# The label image without the readers, which the package above it imports.
home = Path(find_spec("qubalab").origin).parent / "images"
sys.modules["qubalab.images"] = types.ModuleType("qubalab.images")
sys.modules["qubalab.images"].__path__ = [str(home)]
from qubalab.images.labeled_server import LabeledImageServer  # noqa: E402
from qubalab.images.metadata.image_metadata import ImageMetadata  # noqa: E402
from qubalab.images.metadata.image_shape import ImageShape  # noqa: E402
from qubalab.images.metadata.pixel_calibration import PixelCalibration, PixelLength  # noqa: E402
from qubalab.objects.classification import Classification  # noqa: E402
from qubalab.objects.image_feature import ImageFeature  # noqa: E402

SIDE, TISSUE, VESSEL, PIECES = 4000, 1, 2, 100
tissue, vessel = Classification("Tissue"), Classification("Vessel")
half_micron = PixelLength.create_microns(0.5)
slide = ImageMetadata(
    "slide", "slide", (ImageShape(SIDE, SIDE, 3),), PixelCalibration(half_micron, half_micron), True, np.uint8
)


def labels(pieces, **how):
    """The label image of pieces of tissue of 100 pixels, and after them the vessel of 20 pixels in each."""
    outlines = [(box(x, y, x + 100, y + 100), tissue) for x, y, *_ in pieces]
    outlines += [(box(x + i, y + j, x + i + 20, y + j + 20), vessel) for x, y, i, j in pieces]
    features = [ImageFeature(mapping(outline), kind) for outline, kind in outlines]
    return LabeledImageServer(slide, features, {tissue: TISSUE, vessel: VESSEL}, **how).read_region()


def there(painted, pieces):
    """Whether each vessel is in the label image."""
    inner = [painted[y + j + 5 : y + j + 15, x + i + 5 : x + i + 15] for x, y, i, j in pieces]
    return [bool(each.all()) for each in inner]


random = np.random.default_rng(0)
pieces = [
    (int(cell % 30) * 130 + 20, int(cell // 30) * 130 + 20, *random.integers(5, 75, 2).tolist())
    for cell in random.permutation(30 * 30)[:PIECES]
]
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    fates = {}
    for count in range(1, PIECES + 1, 9):
        painted = labels(pieces[:count])[0] == VESSEL
        fates[count] = there(painted, pieces[:count])
        print(f"{count} vessels outlined, {sum(fates[count])} in the label image")
    apart = labels(pieces, multichannel=True)
whole = labels(pieces)[0]
share = float((whole == VESSEL).sum() / (whole > 0).sum())
told = max(count for count in fates if count < PIECES)
moved = sum(len({fate[each] for fate in fates.values() if len(fate) > each}) > 1 for each in range(told))
print(f"Of {told} vessels {moved} come or go as others are added.")
print(f"Vessel is {share:.1%} of what is outlined, by the outlines {20 * 20 / 100 / 100:.0%}.")
print("With a channel for each:", sum(there(apart[VESSEL], pieces)))
print("Warned:", [str(each.message) for each in warned])
same = 40 <= sum(fates[PIECES]) <= 60 and moved >= 10 and all(there(apart[VESSEL], pieces)) and not warned
raise SystemExit(0 if same else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
