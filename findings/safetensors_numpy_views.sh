#!/usr/bin/env bash
# safetensors 0.8.0 saves a NumPy view as the memory behind it: the values come back in other places, without a word.
#
# Expected: `load(save(x))` equals `x` for any array of a supported type, as it did up to 0.7.0 (run here as well).
# Seen:     a transposed array, columns cut out of a table and a Fortran-ordered array (what scikit-learn and pandas
#           often hand out) come back with their shape and with wrong values; no error, no warning.
# For a lab: features and per-patch probabilities kept as safetensors point at other patches. Make arrays contiguous
#           (np.ascontiguousarray) right before saving.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

cat > "$place/look.py" <<'PY'
import numpy as np
import safetensors
from safetensors.numpy import load, save

table = np.arange(6, dtype=np.float32).reshape(2, 3)
views = {"transposed": table.T, "two columns": table[:, :2], "Fortran order": np.asfortranarray(table)}
kept = {name: np.array_equal(load(save({"x": view}))["x"], view) for name, view in views.items()}
copies = all(np.array_equal(load(save({"x": np.ascontiguousarray(v)}))["x"], v) for v in views.values())
print(safetensors.__version__, "as saved:", kept, "| contiguous copies as saved:", copies)
print("table.T", table.T.tolist(), "came back as", load(save({"x": table.T}))["x"].tolist())
raise SystemExit(0 if copies and not any(kept.values()) else 3)
PY

for version in 0.7.0 0.8.0; do
    python3 -m venv "$place/$version"
    "$place/$version/bin/pip" --disable-pip-version-check -q install "safetensors==$version" "numpy==2.4.6"
done
echo "Before:"
if "$place/0.7.0/bin/python" "$place/look.py"; then
    echo "Changed: 0.7.0 does it too."
    exit 1
fi
echo "Now:"
"$place/0.8.0/bin/python" "$place/look.py" || { echo "Changed: 0.8.0 keeps views."; exit 1; }
echo "As described."
