#!/usr/bin/env bash
# fastslide 0.8.1 reads the number of an OME-TIFF's pixel size and not its unit: 250 nm become 250 µm per pixel.
#
# Expected: `mpp` is "microns per pixel": PhysicalSizeX="250" with PhysicalSizeXUnit="nm" gives 0.25, as slideio 2.10.0
#           reads from the same files; or nothing, if the unit is not known.
# Seen:     the bare number, whatever the unit: 250.0 for nm, 0.00025 for mm. Only µm comes out right.
# For a lab: OME writers are free to use nm or mm. A patch asked for at 0.5 µm/px is a thousand times too large or too
#           small, areas are off by a million, and nothing warns.
# Searched (issues): PhysicalSizeXUnit, nm, mpp. Found the same in other readers, nothing of this one.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    fastslide==0.8.1 slideio==2.10.0 tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import sys

import fastslide
import numpy as np
import slideio
import tifffile

file = sys.argv[1] + "/slide.ome.tif"
same_length = {"µm": 0.25, "nm": 250.0, "mm": 0.00025}
other, seen = {}, {}
for unit, size in same_length.items():
    about = {"axes": "YXS"} | {f"PhysicalSize{axis}": size for axis in "XY"}
    about |= {f"PhysicalSize{axis}Unit": unit for axis in "XY"}
    tissue = np.zeros((512, 512, 3), np.uint8)
    tifffile.imwrite(file, tissue, tile=(256, 256), photometric="rgb", ome=True, metadata=about)
    other[unit] = round(slideio.open_slide(file, "OMETIFF").get_scene(0).resolution[0] * 1e6, 6)
    seen[unit] = fastslide.FastSlide.from_file_path(file).mpp[0]
print("slideio, µm/px:  ", other)
print("fastslide, µm/px:", seen)
raise SystemExit(0 if seen == same_length and set(other.values()) == {0.25} else 1)
PY
"$place/venv/bin/python" "$place/look.py" "$place" || { echo "Changed."; exit 1; }
echo "As described."
