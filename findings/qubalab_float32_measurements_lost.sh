#!/usr/bin/env bash
# qubalab 0.2.1: measurements that are NumPy float32 or whole numbers are left out of an object, as if they were NaN.
#
# Expected: an object keeps the measurements it is given; "Measurements with NaN values will not be added", says the
#           documentation, and no more.
# Seen:     of an area as float64, a probability as float32, a count as int64 and a grade as Python's int the object,
#           and the GeoJSON made of it for QuPath, has the area and the grade. float64 is a Python float too and passes;
#           float32, float16 and int64 are neither Python's float nor its int, and are left out. Setting `measurements`
#           later does the same. Nothing warns.
# For a lab: what a network gives is float32 and what is counted int64; what was measured from coordinates is float64.
#           Of one table some columns arrive in QuPath and others do not, and a rule there for "probability above 0.5"
#           finds no object.
# Searched (issues, documentation): qubalab, ImageFeature, measurements, float32, NumPy, dropped. Found the sentence on
#           NaN, nothing else.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    geojson==3.3.0 numpy==2.4.6 pillow==13.0.0 rasterio==1.4.4 shapely==2.2.0
# Without the readers of slides and the bridge to a running QuPath: no image is read here.
"$place/venv/bin/pip" --disable-pip-version-check -q install --no-deps qubalab==0.2.1

cat > "$place/look.py" <<'PY'
import json
import warnings

import geojson
import numpy as np
from qubalab.objects.image_feature import ImageFeature

outline = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]}
given = {
    "area, float64": np.float64(81.0),
    "probability, float32": np.float32(0.97),
    "probability, float16": np.float16(0.97),
    "count, int64": np.int64(12),
    "grade, int": 2,
    "not a number, float": float("nan"),
}
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    cell = ImageFeature(outline, measurements=given)
    at_once = sorted(cell.measurements)
    written = sorted(json.loads(geojson.dumps(cell))["properties"]["measurements"])
    cell.measurements = given
    later = sorted(cell.measurements)
    plain = ImageFeature(outline, measurements={name: float(value) for name, value in given.items()})
print("Given:", sorted(given))
print("Kept:", at_once)
print("In GeoJSON:", written)
print("Set later:", later)
print("Given as Python's float:", sorted(plain.measurements))
print("Warned:", [str(each.message) for each in warned])
numbers = sorted(name for name in given if not name.startswith("not"))
same = at_once == written == later == ["area, float64", "grade, int"] and sorted(plain.measurements) == numbers
raise SystemExit(0 if same and not warned else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
