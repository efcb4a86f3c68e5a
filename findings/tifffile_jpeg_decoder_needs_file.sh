#!/usr/bin/env bash
# tifffile 2026.3.3: a page of JPEG tiles kept after its file was closed decodes nothing; LZW, Deflate and ZSTD do.
#
# Expected: `TiffPage.decode(data, index)` is given the compressed bytes, so it needs no open file, whatever the codec;
#           or it says that the file is closed.
# Seen:     for JPEG an AssertionError without a word. The decoder is made at its first use, for JPEG it then looks into
#           the file; where `page.decode` was looked up once before the file was closed, the same call gives the tile.
# For a lab: a slide reader that keeps pages and reads tiles by offset, from several threads, works on every test file
#           that is not JPEG and fails on nearly every real slide.
# Searched (issues): page.decode, JPEG, closed file. Found closed files with lazy arrays, not this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import sys
from pathlib import Path

import numpy as np
import tifffile

file = Path(sys.argv[1]) / "slide.tif"
tissue = np.random.default_rng(0).integers(0, 255, (512, 512, 3), np.uint8)


def decoded_after_closing(codec, looked_up_before):
    tifffile.imwrite(file, tissue, tile=(256, 256), compression=codec, photometric="rgb")
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages[0]
        start, size = page.dataoffsets[0], page.databytecounts[0]
        if looked_up_before:
            page.decode
        tables = {"jpegtables": page.jpegtables} if codec == "jpeg" else {}
    data = file.read_bytes()[start : start + size]
    try:
        return page.decode(data, 0, **tables)[0].shape
    except Exception as error:
        return f"{type(error).__name__}: {error}"


whole = (1, 256, 256, 3)
seen = {codec: decoded_after_closing(codec, False) for codec in ("lzw", "deflate", "zstd", "jpeg")}
before = decoded_after_closing("jpeg", True)
print(seen, "| jpeg, looked up before closing:", before)
as_described = seen == {"lzw": whole, "deflate": whole, "zstd": whole, "jpeg": "AssertionError: "} and before == whole
raise SystemExit(0 if as_described else 1)
PY
"$place/venv/bin/python" "$place/look.py" "$place" || { echo "Changed."; exit 1; }
echo "As described."
