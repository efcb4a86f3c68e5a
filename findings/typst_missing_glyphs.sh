#!/usr/bin/env bash
# typst 0.15.0 from Python sets a name it has no glyphs for as crossed boxes, and its list of warnings stays empty.
#
# Expected: a warning that some text could not be set, or an error; TeX engines say "missing character" in their log.
# Seen:     with the fonts that the package brings, Greek and Cyrillic are set, a Chinese name is not: the PDF holds one
#           and the same box for each of its characters, `compile_with_warnings` returns no warning, and the text layer
#           holds NUL characters: the name cannot be copied or searched, it is lost.
# For a lab: a signed report can show boxes where the signer's name should be, and every check is green. Ask the fonts
#           for the characters before setting them.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install typst==0.15.0 pypdf==7.1.1 pillow==13.0.0 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import io
import pathlib
import sys

import numpy as np
import typst
from PIL import Image
from pypdf import PdfReader

place = pathlib.Path(sys.argv[1])


def set_text(text, form):
    source = place / "a.typ"
    source.write_text(f"#set page(width: 40mm, height: 10mm, margin: 2mm)\n{text}")
    return typst.compile_with_warnings(str(source), format=form, ppi=144.0, ignore_system_fonts=True)


def picture(text):
    data, warnings = set_text(text, "png")
    return np.asarray(Image.open(io.BytesIO(data)).convert("L")), warnings


names = ["王", "李"]
(first, warned), (second, warned_too) = map(picture, names)
greek, latin = picture("Λ")[0], picture("A")[0]
text = PdfReader(io.BytesIO(set_text("王小明", "pdf")[0])).pages[0].extract_text()
print("two different names look the same:", bool((first == second).all()), "| warnings:", list(warned), list(warned_too))
print("Greek and Latin differ:", not (greek == latin).all(), "| text layer:", repr(text))
same = (first == second).all() and (first < 128).any() and not warned and not warned_too and text.strip("\n") == "\0\0\0"
raise SystemExit(0 if same and not (greek == latin).all() else 1)
PY
"$place/venv/bin/python" "$place/look.py" "$place" || { echo "Changed."; exit 1; }
echo "As described."
