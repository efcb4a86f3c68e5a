#!/usr/bin/env bash
# wsidicom 0.36.1: the box of a polygon misses part of it for nearly every outline; a rectangle's can be 0 mm wide.
#
# Expected: `box` of a polygon or polyline is the "Region that contains the geometry", whichever point comes first.
# Seen:     of 1000 round outlines on the glass 979 have a wrong box, 870 of them more than a tenth too narrow. The
#           left edge is not found: a point counts as further left where its y, not its x, is below the left edge so
#           far. One rectangle of 3 x 2 mm has a box 3 mm or 0 mm wide, by the corner it starts at. The other edges
#           are right.
# For a lab: a box is what `read_region_mm` needs to cut out what was outlined: the left part of the tissue is
#           missing, or all of it, and nothing warns. Outlines that start at their leftmost point may not show it.
# Searched (issues, documentation, change log to 0.28.1): wsidicom, box, polygon, annotation, region. Found the
#           maintainer's example that gets the area of an outline from wsidicom's annotations, not this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install wsidicom==0.36.1 pydicom==3.0.2 pillow==13.0.0 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import math
import random

from wsidicom.graphical_annotations import Polygon


def boxes(points):
    """Left, top, width and height in mm: by wsidicom, and of the points."""
    across, down = zip(*points, strict=True)
    box = Polygon(points).box
    seen = box.position.x, box.position.y, box.size.width, box.size.height
    right = min(across), min(down), max(across) - min(across), max(down) - min(down)
    return tuple(round(edge, 6) for edge in seen), tuple(round(edge, 6) for edge in right)


corners = [(6.0, 14.0), (9.0, 14.0), (9.0, 16.0), (6.0, 16.0)]
starts = [boxes(corners[first:] + corners[:first]) for first in range(4)]
for first, (seen, right) in enumerate(starts):
    print("the rectangle from corner", corners[first], "(left, top, width, height):", seen, "is", right)

draw = random.Random(0)
wrong = lost = 0
for _ in range(1000):
    middle, first = (draw.uniform(2, 20), draw.uniform(2, 50)), draw.uniform(0, 2 * math.pi)
    around = [(first + k * math.pi / 20, draw.uniform(0.6, 1)) for k in range(40)]
    outline = [(middle[0] + r * math.cos(a), middle[1] + r * math.sin(a)) for a, r in around]
    seen, right = boxes(outline)
    wrong += seen != right
    lost += seen[2] < 0.9 * right[2]
print("round outlines anywhere on the glass:", wrong, "of 1000 boxes wrong,", lost, "more than a tenth too narrow")
widths = [seen[2] for seen, _ in starts]
raise SystemExit(0 if widths == [3.0, 0.0, 0.0, 3.0] and (wrong, lost) == (979, 870) else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
