#!/usr/bin/env bash
# prismtoolbox 0.2.0: of a level reduced 3.999 times it takes 3: patches of 128 µm are 170 µm wide and overlap.
#
# Expected: with `units=("micro", "micro")` patches of 128 µm side by side are 128 µm wide and 128 µm apart, on any
#           level; in pixels, patches of 128 pixels side by side do not overlap.
# Seen:     so it is where a side of 4000 pixels has a level of 1000. Of 3999 pixels, with a level of 1000 as well,
#           OpenSlide tells a reduction of 3.999, and prismtoolbox cuts off what is behind the point. In micrometres the
#           patches have 170 pixels of 1 µm in place of 128 and lie 127.5 µm apart; in pixels they have 128 and lie
#           96 µm apart, 100 patches where there should be 49. The slide itself is read by the true reduction, and the
#           file of coordinates tells that one. Nothing warns.
# For a lab: where a level's sides were rounded up the reduction is just less than a whole number, where they were
#           rounded down just more, so slides of one study differ: in scale by a third, or in how many patches a slide
#           has and how often each cell is counted.
# Searched (issues, documentation): prismtoolbox, CLAM, level_downsamples, int, overlap. Found questions on how to get
#           another magnification from CLAM, not this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    numpy==1.26.4 pandas==2.3.3 scipy==1.17.1 shapely==2.2.0 geopandas==1.1.4 h5py==3.16.0 matplotlib==3.11.2 \
    opencv-python-headless==4.11.0.86 openslide-python==1.4.7 openslide-bin==4.0.1.2 tifffile==2025.12.20
# OpenCV without windows, and without the command line.
"$place/venv/bin/pip" --disable-pip-version-check -q install --no-deps prismtoolbox==0.2.0

cat > "$place/look.py" <<'PY'
import sys
import warnings

import numpy as np
import tifffile
from prismtoolbox import WSI

MPP, ASKED = 0.25, 128


def write(path, side):
    """Grey tissue of 0.25 µm/px, and a level of a quarter whose sides are rounded up."""
    with tifffile.TiffWriter(path) as tiff:
        for level, pixels in enumerate((side, -(-side // 4))):
            per_cm = 1e4 / MPP * pixels / side
            tiff.write(
                np.full((pixels, pixels, 3), 128, np.uint8),
                tile=(256, 256),
                photometric="rgb",
                compression="deflate",
                resolution=(per_cm, per_cm),
                resolutionunit="CENTIMETER",
                subfiletype=int(level > 0),
                metadata=None,
            )


def cut(path, unit):
    """Pixels a side, micrometres a side, micrometres apart and number of the patches of level 1."""
    slide = WSI(path)
    how = {"mode": "all", "units": (unit, unit), "use_padding": False, "num_workers": 2}
    slide.extract_patches(ASKED, patch_level=1, step_size=ASKED, **how)
    side = slide.coords_attrs["patch_size"]
    apart = float(np.diff(np.unique(slide.coords[:, 0])).min()) * MPP
    return slide.level_downsamples[1], side, side * slide.level_downsamples[1] * MPP, apart, len(slide.coords)


seen = {}
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for side in (4000, 3999):
        write(f"{sys.argv[1]}/{side}.tiff", side)
        for unit in ("micro", "px"):
            reduced, pixels, wide, apart, count = seen[side, unit] = cut(f"{sys.argv[1]}/{side}.tiff", unit)
            print(f"{side} pixels, reduced {reduced}, asked for {ASKED} {unit}: {count} patches of {pixels} pixels,")
            print(f"    {wide:.1f} µm wide, {apart:.1f} µm apart")
about = [str(each.message) for each in warned if "sample" in str(each.message) or "level" in str(each.message)]
print("Warned of it:", about)
right = all(seen[4000, unit] == (4.0, 128, 128.0, 128.0, 49) for unit in ("micro", "px"))
microns, pixels = seen[3999, "micro"], seen[3999, "px"]
same = microns[1] == 170 and microns[3] == 127.5 and pixels[1] == 128 and pixels[3:] == (96.0, 100)
raise SystemExit(0 if right and same and not about else 1)
PY
"$place/venv/bin/python" "$place/look.py" "$place" 2>&1 || { echo "Changed."; exit 1; }
echo "As described."
