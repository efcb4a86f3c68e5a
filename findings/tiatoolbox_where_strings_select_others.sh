#!/usr/bin/env bash
# tiatoolbox 2.1.3: `where` strings with `and`, `or`, `not` or `in` select other annotations in an SQLiteStore, unsaid.
#
# Expected: the documentation of these strings lists the four as supported and says that one string does for all
#           stores. A DictionaryStore of the same annotations gives what Python gives.
# Seen:     "grade >= 2 and fat == 1" selects all with fat, whatever their grade: of `and` the right half counts
#           alone, of `or` the left half; `not` selects nothing, `in` everything, and 1 < grade < 3 is taken for grade
#           < 3. `&` and `|` with brackets are right. A subtraction is turned round: grade - 1 > 0 selects grade 0.
# For a lab: cells counted or shown "of this class and above this probability" are of every class: counts are
#           plausible and wrong in the store made for large slides, and right in a test with the small one.
# Searched (issues, documentation): tiatoolbox, SQLiteStore, query, where, and, or, not, subtraction. Found the
#           stores' first description, which speaks of "some limitations" of a subset of Python, nothing of these.
# Needs:    a Python whose sqlite3 may load extensions, as tiatoolbox does; one that cannot is passed over.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for python in python3 /usr/bin/python3 none; do
    [ "$python" != none ] || { echo "No Python here whose sqlite3 may load extensions."; exit 2; }
    "$python" -c 'import sqlite3; sqlite3.connect(":memory:").enable_load_extension(True)' 2> /dev/null && break
done
"$python" -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    numpy==2.4.6 pandas==3.1.1 shapely==2.2.0 pyyaml==6.0.3 typing_extensions==4.16.0
"$place/venv/bin/pip" --disable-pip-version-check -q install --no-deps tiatoolbox==2.1.3  # its stores need no torch

cat > "$place/look.py" <<'PY'
import logging

logging.disable(logging.WARNING)
from shapely import Point
from tiatoolbox.annotation.storage import Annotation, DictionaryStore, SQLiteStore

CELLS = [(grade, fat) for grade in range(4) for fat in (0, 1)]
# What is asked, and whether the SQLiteStore is right.
ASKED = {
    "(props['grade'] >= 2) & (props['fat'] == 1)": True,
    "(props['grade'] == 0) | (props['grade'] == 3)": True,
    "props['grade'] >= 2 and props['fat'] == 1": False,
    "props['grade'] == 0 or props['grade'] == 3": False,
    "not props['grade'] >= 2": False,
    "1 < props['grade'] < 3": False,
    "'lumen' in props['tags']": False,
    "props['grade'] - 1 > 0": False,
}
stores = SQLiteStore(), DictionaryStore()
for store in stores:
    for grade, fat in CELLS:
        properties = {"grade": grade, "fat": fat, "tags": ["lumen"] if fat else []}
        store.append(Annotation(Point(grade, fat), properties), f"{grade}{'ab'[fat]}")
as_described = True
for where, right in ASKED.items():
    seen, other = (sorted(store.query(where=where)) for store in stores)
    print(f"{where}: SQLite {' '.join(seen) or 'none'} | dictionary {' '.join(other)}")
    as_described &= (seen == other) is right
raise SystemExit(0 if as_described else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
