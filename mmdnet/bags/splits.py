"""Which slides train, validate and test: by patient, so that nothing of a person is on two sides.

The paper split *bags* at random; with 14 bags a slide and each positive patch in three bags or more, a test bag then
shares a positive patch with training almost surely. `audit_leakage` refuses such a split.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from mmdnet.bags.cohort import Cohort
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, UNKNOWN

SplitBy = Literal["patient", "slide", "site"]
SHARES = (0.6, 0.2, 0.2)
TRIES = 12  # shufflings looked at; the one whose parts are most alike is kept


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of slides in their cohort, by part; every slide is in exactly one.

    Slides without a label are in no part's evaluation; they stand in `train`, where they do nothing.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...] = ()
    test: tuple[int, ...] = ()
    by: SplitBy = "patient"
    seed: int = 0
    warnings: tuple[str, ...] = ()

    def parts(self) -> dict[str, tuple[int, ...]]:
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def slide_ids(self, cohort: Cohort) -> dict[str, list[int]]:
        """The same by the slides' ids, which outlive the cohort."""
        return {part: [cohort.slides[s].slide_id for s in slides] for part, slides in self.parts().items()}

    def to_json(self, cohort: Cohort) -> str:
        return json.dumps(asdict(self) | self.slide_ids(cohort), indent=2)

    @classmethod
    def from_json(cls, text: str, cohort: Cohort) -> "Split":
        """Read a split written by `to_json`.

        Raises:
            LabError: it is no split, or names slides that are not in the cohort.
        """
        places = {slide.slide_id: s for s, slide in enumerate(cohort.slides)}
        try:
            facts = json.loads(text)
            parts = {part: tuple(places[i] for i in facts[part]) for part in ("train", "validation", "test")}
            split = cls(**parts, by=facts["by"], seed=facts["seed"], warnings=tuple(facts["warnings"]))
        except KeyError as problem:
            raise LabError(f"The split does not fit these slides: {problem} is not there.") from problem
        except (ValueError, TypeError) as problem:
            raise LabError("The file is no split of slides.") from problem
        audit_leakage(cohort, split)
        return split


def split_by_patient(cohort: Cohort, seed: int = 0, shares: tuple[float, float, float] = SHARES) -> Split:
    """Split into train, validation and test, all slides of a patient on one side, grades and sites alike.

    Fewer than three patients with labels: everything trains. Three or four: one validates, none tests.
    """
    return _split(
        cohort, [slide.patient or f"slide {slide.slide_id}" for slide in cohort.slides], "patient", seed, shares
    )


def hold_out_site(cohort: Cohort, site: str, seed: int = 0) -> Split:
    """Test on one site that training never sees; the other sites' patients train and validate, 3 to 1.

    Raises:
        LabError: no labelled slide of that site, or of any other; a patient with slides at both.
    """
    labelled = cohort.labelled_slides()
    test = tuple(s for s in labelled if cohort.slides[s].site == site)
    if not test or len(test) == len(labelled):
        raise LabError(f'To hold out the site "{site}", it and at least one other site need labelled slides.')
    rest = split_by_patient(cohort, seed, (0.75, 0.25, 0.0))
    split = Split(
        train=tuple(s for s in rest.train if s not in test),
        validation=tuple(s for s in (*rest.validation, *rest.test) if s not in test),
        test=test, by="site", seed=seed, warnings=rest.warnings,
    )  # fmt: skip
    audit_leakage(cohort, split)
    return split


def kfold(cohort: Cohort, folds: int = 5, seed: int = 0) -> list[Split]:
    """Cross-validation by patient: each fold tests once; the next one validates.

    Raises:
        LabError: fewer patients with labels than folds, or fewer than three folds.
    """
    labelled = cohort.labelled_slides()
    groups = np.array([cohort.slides[s].patient or f"slide {cohort.slides[s].slide_id}" for s in labelled])
    patients = len(set(groups))
    if folds < 3 or patients < folds:
        raise LabError(
            f"{folds} folds cannot be made of {patients} patients with labels; it takes 3 folds or more "
            "and a patient for each."
        )
    assigned = _folds(cohort, labelled, groups, folds, seed)
    unlabelled = tuple(set(range(len(cohort.slides))) - set(labelled))
    splits = []
    for f in range(folds):
        parts = [tuple(np.array(labelled)[assigned == k].tolist()) for k in (f, (f + 1) % folds)]
        train = tuple(s for s in labelled if s not in parts[0] and s not in parts[1])
        splits.append(Split(train + unlabelled, parts[1], parts[0], "patient", seed))
    return splits


def audit_leakage(cohort: Cohort, split: Split, hashes: np.ndarray | None = None) -> None:
    """Refuse a split that lets training see what it is tested on.

    Args:
        cohort: the slides.
        split: what to look at.
        hashes: (N,) a fingerprint of each patch's picture (or of the patch it was made from); equal ones are one patch.

    Raises:
        LabError: a slide in two parts or a patient in two parts (unless split by slide on request), or one picture in
            two parts.
    """
    part_of: dict[int, str] = {}
    for part, slides in split.parts().items():
        for s in slides:
            if part_of.setdefault(s, part) != part:
                raise LabError(f"Slide {cohort.slides[s].slide_id} is both in {part_of[s]} and in {part}.")
    if split.by != "slide":
        _one_part_each(((cohort.slides[s].patient, part) for s, part in part_of.items()), "Patient")
    if hashes is not None:
        places = zip(hashes.tolist(), cohort.slide_index.tolist(), strict=True)
        _one_part_each(((key, part_of[s]) for key, s in places if s in part_of), "Patch picture")


def _one_part_each(pairs, what: str) -> None:  # type: ignore[no-untyped-def]
    seen: dict[object, str] = {}
    for key, part in pairs:
        if key != "" and seen.setdefault(key, part) != part:
            raise LabError(f"{what} {key} is both in {seen[key]} and in {part}: the split leaks.")


def _split(cohort: Cohort, groups: list[str], by: SplitBy, seed: int, shares: tuple[float, float, float]) -> Split:
    labelled = cohort.labelled_slides()
    unlabelled = tuple(s for s in range(len(cohort.slides)) if s not in set(labelled))
    own = np.array([groups[s] for s in labelled])
    count = len(set(own.tolist()))
    if count < 3:
        warning = (
            f"Labels come from {count} {by}{'' if count == 1 else 's'} only: all of them train, nothing is left to "
            "validate or test on, so no figure says how good the model is."
        )
        return Split(tuple(labelled) + unlabelled, (), (), by, seed, (warning,))
    warnings: tuple[str, ...] = ()
    folds = min(count, _parts(shares))
    tests, validations = (round(share * folds) for share in (shares[2], shares[1]))
    if count < 5:
        folds, tests, validations = count, 0, 1
        warnings = (f"Labels come from {count} {by}s only: one validates, none is left to test on.",)
    assigned = _folds(cohort, labelled, own, folds, seed)
    position = np.array(labelled)
    test = tuple(position[assigned < tests].tolist())
    validation = tuple(position[(assigned >= tests) & (assigned < tests + validations)].tolist())
    train = tuple(position[assigned >= tests + validations].tolist())
    return Split(train + unlabelled, validation, test, by, seed, warnings)


def _parts(shares: tuple[float, float, float]) -> int:
    """The fewest equal parts the shares can be made of (6:2:2 is five parts), at most 20."""
    return next((n for n in range(2, 20) if all(abs(s * n - round(s * n)) < 1e-6 for s in shares)), 20)


def _folds(cohort: Cohort, slides: list[int], groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Fold of each slide, groups kept together, the folds' grades as alike as several shufflings allow."""
    from sklearn.model_selection import StratifiedGroupKFold

    highest = np.array([_highest_grades(cohort, s) for s in slides])
    codes = _codes(cohort, slides, highest, folds)
    best, best_cost = np.zeros(len(slides), int), np.inf
    for attempt in range(TRIES):
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=(seed * TRIES + attempt) % 2**32)
        assigned = np.zeros(len(slides), int)
        for f, (_, test) in enumerate(splitter.split(np.zeros(len(slides)), codes, groups)):
            assigned[test] = f
        cost = _unlikeness(highest, assigned, folds)
        if len(np.unique(assigned)) == folds and cost < best_cost:
            best, best_cost = assigned, cost
    if not np.isfinite(best_cost):  # the library may leave a fold empty when groups are few
        order = np.random.default_rng(seed).permutation(sorted(set(groups)))
        fold_of = {group: i % folds for i, group in enumerate(order)}
        best = np.array([fold_of[group] for group in groups])
    return best


def _highest_grades(cohort: Cohort, slide: int) -> np.ndarray:
    rows = cohort.patches_of(slide)
    patch = cohort.grades[rows[~cohort.ignored[rows]]].max(axis=0, initial=UNKNOWN)
    return np.maximum(patch, np.where(cohort.weakly_graded(slide), cohort.slide_grades(slide), UNKNOWN))


def _codes(cohort: Cohort, slides: list[int], highest: np.ndarray, folds: int) -> np.ndarray:
    """One code for grades and site together; codes rarer than the folds become one."""
    keys = [(tuple(row.tolist()), cohort.slides[s].site) for row, s in zip(highest, slides, strict=True)]
    common = Counter(keys)
    names = sorted(key for key, n in common.items() if n >= folds)
    return np.array([names.index(key) if key in names else len(names) for key in keys])


def _unlikeness(highest: np.ndarray, assigned: np.ndarray, folds: int) -> float:
    """Sum over tasks, grades and folds of how far a fold's share of a grade is from the whole's."""
    cost = 0.0
    for t in range(len(TASK_NAMES)):
        for grade in np.unique(highest[:, t]):
            here = highest[:, t] == grade
            cost += sum(abs(here[assigned == f].mean() - here.mean()) for f in range(folds) if (assigned == f).any())
    sizes = np.bincount(assigned, minlength=folds) / len(assigned)
    return cost + 2 * float(np.abs(sizes - 1 / folds).sum())
