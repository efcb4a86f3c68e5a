#!/usr/bin/env bash
# mord 0.7: OrdinalRidge and LAD predict grades that no training case had: 0 beside 1 to 3, and 1 beside 0, 2 and 3.
#
# Expected: a classifier's predictions are among the labels it was trained on, as with mord's own LogisticAT; or labels
#           that are not 0, 1, 2, ... are refused, as LogisticAT refuses 0, 2, 3.
# Seen:     both are regressions rounded to whole numbers and clipped to 0 ... highest label. Nothing warns, and
#           no attribute tells the labels.
# For a lab: stages scored 1 to 4 or scores with an empty grade get cases of a grade that does not exist in the study,
#           and a quadratic κ computed over them has one row more on one side.
# Searched (issues): OrdinalRidge, LAD, labels, rounding. Found nothing.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    mord==0.7 scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6

cat > "$place/look.py" <<'PY'
import mord
import numpy as np

random = np.random.default_rng(0)
fat = random.normal(size=300)
true = np.digitize(fat + random.normal(0, 0.3, 300), [-0.8, 0.8])
invented = {}
for grades in ([1, 2, 3], [0, 2, 3]):
    labels = np.array(grades)[true]
    for kind in (mord.OrdinalRidge, mord.LAD, mord.LogisticAT):
        try:
            given = kind().fit(fat[:, None], labels).predict(fat[:, None]).astype(int)
            seen = {g: int((given == g).sum()) for g in range(4) if g in given and g not in grades}
        except ValueError as error:
            seen = f"refused: {error}"
        invented[kind.__name__, str(grades)] = seen
        print(f"{kind.__name__} trained on {grades}: cases in grades never seen:", seen)
regressions = ("OrdinalRidge", "LAD")
low = all(set(invented[kind, "[1, 2, 3]"]) == {0} for kind in regressions)
gap = all(set(invented[kind, "[0, 2, 3]"]) == {1} for kind in regressions)
logistic = invented["LogisticAT", "[1, 2, 3]"] == {} and "refused" in invented["LogisticAT", "[0, 2, 3]"]
raise SystemExit(0 if low and gap and logistic else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
