#!/usr/bin/env bash
# wsidicom 0.36.1 fills the holes of a GeoJSON polygon and says nothing; the same polygon from shapely it refuses.
#
# Expected: a polygon with holes, as QuPath writes tissue with lumens cut out, keeps them or is refused: a POLYGON of
#           DICOM's bulk annotations is one ring, and `from_shapely_like` raises NotImplementedError for just this
#           polygon.
# Seen:     `Geometry.from_geojson` takes the outer ring alone. Of tissue of 64 mm² around a hole of 36 mm² the
#           annotation, saved and opened again, covers 100 mm². A MultiPolygon it refuses.
# For a lab: fat or fibrosis as a share of an outlined area comes out low by what was cut out, and patches are taken
#           from vessels, folds and ink that a reader had taken out by hand.
# Searched (issues, documentation, change log to 0.28.1): wsidicom, from_geojson, hole, interior. Found the same in
#           other programs, nothing of this one.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    wsidicom==0.36.1 pydicom==3.0.2 pillow==13.0.0 shapely==2.2.0 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import json
import sys

import shapely
from wsidicom.conceptcode import AnnotationCategoryCode, AnnotationTypeCode
from wsidicom.graphical_annotations import AnnotationGroup, AnnotationInstance, Geometry
from wsidicom.uid import SlideUids

file = sys.argv[1] + "/outlined.dcm"
tissue = shapely.box(0, 0, 10, 10) - shapely.box(2, 2, 8, 8)
read = Geometry.from_geojson(json.loads(shapely.to_geojson(tissue)))
group = AnnotationGroup.from_geometries(
    read, "tissue", AnnotationCategoryCode("Tissue"), AnnotationTypeCode(AnnotationTypeCode.list()[0])
)
AnnotationInstance([group], "volume", SlideUids("1.2", "1.2.3", "1.2.9")).save(file)
(opened,) = AnnotationInstance.open([file])
saved = shapely.Polygon(opened[0][0].geometry.to_coords()).area
print(f"tissue of {tissue.area:.0f} mm², {len(tissue.interiors)} hole; saved and opened {saved:.0f} mm²")
refused = []
for name, given in {
    "shapely": lambda: Geometry.from_shapely_like(tissue),
    "MultiPolygon": lambda: Geometry.from_geojson({"type": "MultiPolygon", "coordinates": []}),
}.items():
    try:
        given()
    except NotImplementedError as error:
        refused.append(name)
        print(f"{name}: {error}")
raise SystemExit(0 if (tissue.area, saved, len(read)) == (64, 100, 1) and len(refused) == 2 else 1)
PY
"$place/venv/bin/python" "$place/look.py" "$place" || { echo "Changed."; exit 1; }
echo "As described."
