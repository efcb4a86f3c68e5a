#!/usr/bin/env bash
# tifffile 2026.3.3 with imagecodecs 2026.3.6: the same `level` does nothing for WebP and is a signal-to-noise ratio for
# JPEG 2000, so 10 erases the picture and 100 is still lossy.
#
# Expected: `compressionargs={"level": n}` is the quality of a lossy codec, from 0 to 100, as it is for JPEG, JPEG XL,
#           JPEG XR: more is larger and nearer.
# Seen:     WebP writes the same lossless picture at 10 and at 90, larger than JPEG by several times (it wants
#           `lossless=False` besides). JPEG 2000 takes decibels: at 10 the whole patch is one grey, at 80 and at 100 the
#           same file but for a few bytes is written, lossy, though no level at all is lossless.
# For a lab: a codec changed in a working converter multiplies the archive's size or wipes its tissue, with no warning.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import io

import numpy as np
import tifffile

rows, columns = np.mgrid[:256, :256]
random = np.random.default_rng(0)
shade = 40 + 25 * np.sin(columns / 9) * np.cos(rows / 11)
tissue = 245 - shade[..., None] * np.array([0.5, 1.0, 0.6])
for row, column in random.integers(0, 256, (60, 2)):
    tissue[np.hypot(rows - row, columns - column) < 7] = 90, 50, 120
tissue = (tissue + random.normal(0, 3, tissue.shape)).clip(0, 255).astype(np.uint8)


def written(codec, level):
    """Bytes of the file, mean error in grey levels, spread of what is read back."""
    file, how = io.BytesIO(), {} if level is None else {"level": level}
    tifffile.imwrite(file, tissue, tile=(256, 256), photometric="rgb", compression=codec, compressionargs=how)
    size = file.tell()
    file.seek(0)
    back = tifffile.imread(file)
    return size, round(float(np.abs(back.astype(int) - tissue).mean()), 2), round(float(back.std()), 1)


levels = (None, 10, 50, 80, 100)
seen = {codec: [written(codec, n) for n in levels] for codec in ("jpeg", "jpegxl", "jpegxr", "webp", "jpeg2000")}
print("tissue's spread:", round(float(tissue.std()), 1), "| for levels", levels, "(bytes, mean error, spread)")
for codec, results in seen.items():
    print(f"{codec:9}", *results)
rising = all(seen[c][1][0] < seen[c][2][0] < seen[c][3][0] < seen[c][4][0] for c in ("jpeg", "jpegxl", "jpegxr"))
webp_deaf = all(error == 0 for _, error, _ in seen["webp"]) and seen["webp"][1][0] > 5 * seen["jpeg"][3][0]
whole, ten, fifty, eighty, hundred = seen["jpeg2000"]
decibels = whole[1] == 0 and ten[2] < 1 < whole[2] and eighty[1] > 0.3 and abs(hundred[0] / eighty[0] - 1) < 0.01
raise SystemExit(0 if rising and webp_deaf and decibels else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
