#!/usr/bin/env bash
# MAPIE 1.6.0: Venn-ABERS calibrated on a set without grade 1 calls grade 2 grade 1 and grade 3 grade 2, unsaid.
#
# Expected: a fitted model of grades 0 to 3 goes on naming these, whichever of them the calibration set holds, as with
#           TopLabelCalibrator of the same package; or the set is refused. Two labels may be any, as in scikit-learn.
# Seen:     with `cv="prefit"` and no case of grade 1 in the set, of 500 cases of grade 3 nearly all are called 2 and
#           none 3, of 500 of grade 2 most are called 1. The grades that are there are counted 0, 1, 2: the model's
#           probability of grade 1 is calibrated as that of grade 2, its 2 as 3, and what comes out in three columns is
#           named by the first three of the model's four labels. venn-abers 1.5.4, whose procedure it is, takes the
#           right columns and calls the right grades. Of labels 1 and 2 both have probabilities from -41 to 42, and half
#           the cases are right: labels are reckoned with as 0 and 1. As 0 and 1, or without "prefit", 93 % are right.
#           NumPy warns of a division, as it does with every grade present; nothing else is said.
# For a lab: rare grades are missing from small calibration sets, in one fold and not in the next. Every case above the
#           missing grade is then one grade too low, with a probability that looks calibrated.
# Searched (issues, documentation, change log to 1.2.0): MAPIE, venn-abers, prefit, missing class, labels. Found that
#           prediction sets once fell over when a class was missing (mended in 2023), not this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --disable-pip-version-check -q install \
    mapie==1.6.0 venn-abers==1.5.4 numpy==2.4.6 pandas==3.1.1 scikit-learn==1.9.1 scipy==1.17.1

cat > "$place/look.py" <<'PY'
import warnings

import numpy as np
from mapie.calibration import TopLabelCalibrator, VennAbersCalibrator
from sklearn.linear_model import LogisticRegression
from venn_abers import VennAbersCalibrator as Original

random = np.random.default_rng(0)


def cases(grades: list[int], each: int) -> tuple[np.ndarray, np.ndarray]:
    """Two features and the grade of `each` cases of every one of `grades`."""
    grade = np.repeat(grades, each)
    return np.c_[random.normal(2.0 * grade), random.normal(-1.0 * grade)], grade


warned = {}


def told(name: str, call):
    """What `call` gives; what is warned of meanwhile is kept under `name`."""
    with warnings.catch_warnings(record=True) as seen, np.errstate(divide="warn", invalid="warn"):
        warnings.simplefilter("always")
        result = call()
    warned.setdefault(name, set()).update(str(each.message) for each in seen)
    return result


def table(called: np.ndarray) -> list[list[int]]:
    """How often each grade (row) was called which (column)."""
    return [np.bincount(called[truth == grade], minlength=4).tolist() for grade in range(4)]


model = LogisticRegression().fit(*cases([0, 1, 2, 3], 200))
features, truth = cases([0, 1, 2, 3], 500)
columns, found = {}, {}
for grades in ([0, 1, 2, 3], [0, 2, 3]):
    known, grade = cases(grades, 80)
    calibrated = VennAbersCalibrator(model, cv="prefit").fit(known, grade)
    probability = told(str(grades), lambda: calibrated.predict_proba(features))
    columns[len(grades)] = probability.shape[1]
    found[len(grades)] = table(calibrated.predict(features))
    top = table(TopLabelCalibrator(model, cv="prefit").fit(known, grade).predict(features))
    asked = {"p_cal": model.predict_proba(known), "y_cal": grade, "p_test": model.predict_proba(features)}
    original = told("venn-abers", lambda: table(Original().predict(**asked, one_hot=False)))
    print(f"Calibrated on {grades}: {probability.shape[1]} columns; labels {calibrated.classes_.tolist()}")
    print("  called by Venn-ABERS:", found[len(grades)])
    print("  by TopLabelCalibrator:", top)
    print("  by venn-abers:", original)

extremes = {}
for low in (0, 1):
    halves = LogisticRegression()
    learned, grade = cases([0, 1, 2, 3], 200)
    halves.fit(learned, (grade > 1) + low)
    known, grade = cases([0, 1, 2, 3], 80)
    for cv in ("prefit", None):
        calibrated = VennAbersCalibrator(halves, cv=cv, random_state=0)
        told("halves", lambda: calibrated.fit(known, (grade > 1) + low))
        probability = told("halves", lambda: calibrated.predict_proba(features))
        right = float((calibrated.predict(features) == (truth > 1) + low).mean())
        extremes[low, cv] = (float(probability.min()), float(probability.max()), right)
        print(f"Labels {low} and {low + 1}, cv={cv}: probabilities {probability.min():.2f} to {probability.max():.2f},"
              f" {right:.0%} right")
print("Warned:", {name: sorted(each) for name, each in warned.items()})

low = found[3]
shifted = low[3][3] == low[2][3] == 0 and low[3][2] > 400 and low[2][1] > 300
sound = all(0 <= extremes[key][0] and extremes[key][1] <= 1 and extremes[key][2] > 0.85
            for key in ((0, "prefit"), (0, None), (1, None)))
absurd = extremes[1, "prefit"][0] < 0 and extremes[1, "prefit"][1] > 1 and extremes[1, "prefit"][2] < 0.6
as_seen = (
    columns == {4: 4, 3: 3} and found[4][3][3] > 400 and shifted and top[3][3] > 400 and original[3][3] > 300
    and sound and absurd and warned["[0, 2, 3]"] <= warned["[0, 1, 2, 3]"]
)
raise SystemExit(0 if as_seen else 1)
PY
"$place/venv/bin/python" "$place/look.py" || { echo "Changed."; exit 1; }
echo "As described."
