#!/usr/bin/env bash
# slideio 2.10.0 loses the pixel size of an OME-TIFF that leaves the unit out: the schema's µm becomes one metre.
#
# Expected: in the OME schema PhysicalSizeXUnit defaults to µm, and writers leave it out: PhysicalSizeX="0.25" alone is
#           the same as with "µm". fastslide 0.8.1 reads both as 0.25 µm/px.
# Seen:     with the unit `resolution` is 2.5e-07 (metres a pixel), without it 1.0: just what slideio gives for a file
#           that tells no size at all, so the two cannot be told apart.
# For a lab: tifffile writes no unit unless told to. Such slides count as "no µm/px" and someone types in by hand a
#           scale that the file held; or code that trusts the number takes a pixel for a metre.
# Searched (issues): PhysicalSizeX, missing unit, default. Found the same in other readers, nothing of this one.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    slideio==2.10.0 fastslide==0.8.1 tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import sys

import fastslide
import numpy as np
import slideio
import tifffile

file = sys.argv[1] + "/slide.ome.tif"
sizes = {f"PhysicalSize{axis}": 0.25 for axis in "XY"}
units = {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
seen, other = {}, {}
for name, about in {"size and unit": sizes | units, "size alone": sizes, "neither": {}}.items():
    tissue = np.zeros((512, 512, 3), np.uint8)
    tifffile.imwrite(file, tissue, tile=(256, 256), photometric="rgb", ome=True, metadata={"axes": "YXS"} | about)
    seen[name] = slideio.open_slide(file, "OMETIFF").get_scene(0).resolution
    other[name] = fastslide.FastSlide.from_file_path(file).mpp
print("slideio, m/px:   ", seen)
print("fastslide, µm/px:", other)
right = abs(seen["size and unit"][0] - 2.5e-7) < 1e-12 and other["size alone"] == (0.25, 0.25)
raise SystemExit(0 if right and seen["size alone"] == seen["neither"] == (1.0, 1.0) else 1)
PY
"$place/venv/bin/python" "$place/look.py" "$place" || { echo "Changed."; exit 1; }
echo "As described."
