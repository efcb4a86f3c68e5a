"""Which slides train, validate and test: by patient, so that nothing of a person is on two sides.

The paper split *bags* at random; with 14 bags a slide and each positive patch in three bags or more, a test bag then
shares a positive patch with training almost surely. `audit_leakage` refuses such a split.
"""

import json
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from mmdnet.bags.cohort import Cohort
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, UNKNOWN
from mmdnet.slides.identity import identity_key
from mmdnet.words import count

FoldsBy = Literal["patient", "site", "staining_run"]
SplitBy = FoldsBy | Literal["slide"]
WHAT: dict[FoldsBy, str] = {"patient": "patient", "site": "site", "staining_run": "staining run"}
SHARES = (0.6, 0.2, 0.2)
JUDGED_FROM = 5  # patients with labels, below which none is left to test on
TRIES = 12  # shufflings looked at; the one whose parts are most alike is kept
MANY_PERSONS, TRIES_OF_MANY = 200, 3  # of so many any shuffling gives parts alike, and each takes a second


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of slides in their cohort, by part; every slide is in one at most.

    Slides without a label are in no part's evaluation; they stand in `train`, where they do nothing. Slides in no part
    were left out, and a warning says why.
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


@dataclass(frozen=True, slots=True)
class Fold:
    """A split of a cross-validation: `name` says what it tests on ("fold 2", or the site or staining run)."""

    name: str
    split: Split


def split_by_patient(cohort: Cohort, seed: int = 0, shares: tuple[float, float, float] = SHARES) -> Split:
    """Split into train, validation and test, all slides of a patient on one side, grades and sites alike.

    Fewer than three patients with labels: everything trains. Three or four: one validates, none tests.
    """
    return _split(cohort, cohort.labelled_slides(), seed, shares)


def splits_by(cohort: Cohort, by: FoldsBy, folds: int = 5, seed: int = 0) -> tuple[Fold, ...]:
    """Cross-validation: every labelled slide whose site or staining run is known is tested once.

    Args:
        cohort: the slides.
        by: "patient" makes `folds` parts of the patients; "site" and "staining_run" leave one of them out at a time.
        folds: parts of the patients, three or more.
        seed: of the parts.

    Raises:
        LabError: fewer patients with labels than folds, fewer than three folds, or fewer than two sites (or runs) with
            labelled slides.
    """
    if by == "patient":
        return tuple(Fold(f"fold {f + 1}", split) for f, split in enumerate(kfold(cohort, folds, seed)))
    names = _names(cohort, by)
    if len(names) < 2:
        known = f"No labelled slide says which {WHAT[by]} it is of."
        for name in names.values():
            known = f'Labelled slides are all of the {WHAT[by]} "{name}".'
        raise LabError(f"Leaving out one {WHAT[by]} at a time takes two. {known} Enter it with the slides' facts.")
    return tuple(Fold(name, hold_out(cohort, by, name, seed)) for name in names.values())


def hold_out(cohort: Cohort, by: Literal["site", "staining_run"], name: str, seed: int = 0) -> Split:
    """Test on one site or staining run that training never sees; the other slides' patients train and validate, 3 to 1.

    Other slides of the test slides' patients are left out, and so are slides whose site (or run) nobody stated: they
    could be of the one that is tested. A warning counts them.

    Raises:
        LabError: no labelled slide of it, or none that is left to train on.
    """
    key = identity_key(name)
    keys = [identity_key(getattr(slide, by)) for slide in cohort.slides]
    labelled = cohort.labelled_slides()
    test = tuple(s for s in labelled if key and keys[s] == key)
    persons = {cohort.slides[s].person for s in range(len(keys)) if keys[s] == key}
    apart = [s for s in range(len(keys)) if keys[s] not in ("", key) and cohort.slides[s].person not in persons]
    rest = [s for s in labelled if s in set(apart)]
    if not test or not rest:
        there = ", ".join(f'"{known}"' for known in _names(cohort, by).values()) or "none"
        raise LabError(
            f'To hold out the {WHAT[by]} "{name}", it needs labelled slides, and at least one other {WHAT[by]} needs '
            f"some of other patients. Labelled slides are of: {there}."
        )
    inner = _split(cohort, rest, seed, (0.75, 0.25, 0.0))
    split = Split(
        train=(*(s for s in rest if s not in inner.validation), *(s for s in apart if s not in set(labelled))),
        validation=inner.validation, test=test, by=by, seed=seed,
        warnings=(*inner.warnings, *_left_out(cohort, by, labelled, keys, key, persons)),
    )  # fmt: skip
    audit_leakage(cohort, split)
    return split


def _left_out(
    cohort: Cohort, by: FoldsBy, labelled: list[int], keys: list[str], key: str, persons: set[str]
) -> tuple[str, ...]:
    """What a held-out site or run leaves out of training, counted."""
    unknown = sum(not keys[s] for s in labelled)
    shared = sum(bool(keys[s]) and keys[s] != key and cohort.slides[s].person in persons for s in labelled)
    said = []
    if shared:
        said.append(f"Left out: {count(shared, 'slide')} of patients who have slides in the {WHAT[by]} that is tested.")
    if unknown:
        said.append(f"Left out: {count(unknown, 'slide')} whose {WHAT[by]} is not known.")
    return tuple(said)


def _names(cohort: Cohort, by: FoldsBy) -> dict[str, str]:
    """Sites or runs of labelled slides as first written, by what all ways to write them have in common."""
    names: dict[str, str] = {}
    for written in sorted(str(getattr(cohort.slides[s], by)) for s in cohort.labelled_slides()):
        if identity_key(written):
            names.setdefault(identity_key(written), written)
    return names


def kfold(cohort: Cohort, folds: int = 5, seed: int = 0) -> list[Split]:
    """Cross-validation by patient: each fold tests once; the next one validates.

    Raises:
        LabError: fewer patients with labels than folds, or fewer than three folds.
    """
    labelled = cohort.labelled_slides()
    groups = np.array([cohort.slides[s].person for s in labelled])
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
        LabError: a slide in two parts, a patient in two parts however the id is written (unless split by slide on
            request), a site or run that is tested in another part too where that was to be held out, one picture in
            two parts, or a synthetic patch outside training.
    """
    part_of: dict[int, str] = {}
    for part, slides in split.parts().items():
        for s in slides:
            if part_of.setdefault(s, part) != part:
                raise LabError(f"Slide {cohort.slides[s].slide_id} is both in {part_of[s]} and in {part}.")
    if split.by != "slide":
        known = {s: part for s, part in part_of.items() if cohort.slides[s].patient}
        _one_part_each(
            [(cohort.slides[s].person, cohort.slides[s].patient, part) for s, part in known.items()], "Patient"
        )
    if split.by in ("site", "staining_run"):
        held_out = [(s, "test" if part == "test" else "training") for s, part in part_of.items()]
        names = [(str(getattr(cohort.slides[s], split.by)), part) for s, part in held_out]
        _one_part_each([(identity_key(name), name, part) for name, part in names], WHAT[split.by].capitalize())
    for s in np.unique(cohort.slide_index[cohort.synthetic]).tolist():
        if part_of.get(s) != "train":
            raise LabError(
                f"Slide {cohort.slides[s].slide_id} is in {part_of.get(s, 'no part')} and has synthetic patches, which "
                "may only be trained on: the split leaks."
            )
    if hashes is not None:
        places = zip(hashes.tolist(), cohort.slide_index.tolist(), strict=True)
        _one_part_each([(key, key, part_of[s]) for key, s in places if s in part_of], "Patch picture")


def _one_part_each(places: Iterable[tuple[object, object, str]], what: str) -> None:
    """Refuse (key, name, part) of one key in two parts."""
    seen: dict[object, str] = {}
    for key, name, part in places:
        if key != "" and seen.setdefault(key, part) != part:
            raise LabError(f"{what} {name} is both in {seen[key]} and in {part}: the split leaks.")


def _split(cohort: Cohort, labelled: list[int], seed: int, shares: tuple[float, float, float]) -> Split:
    """Split these labelled slides; those without a label stand in `train`."""
    unlabelled = tuple(sorted(set(range(len(cohort.slides))) - set(cohort.labelled_slides())))
    own = np.array([cohort.slides[s].person for s in labelled])
    by: SplitBy = "patient"
    units = len(set(own.tolist()))
    if units < 3:
        warning = (
            f"Labels come from {count(units, by)} only: all of them train, nothing is left to "
            "validate or test on, so no figure says how good the model is."
        )
        return Split(tuple(labelled) + unlabelled, (), (), by, seed, (warning,))
    warnings: tuple[str, ...] = ()
    folds = min(units, _parts(shares))
    tests, validations = (round(share * folds) for share in (shares[2], shares[1]))
    if units < JUDGED_FROM:
        folds, tests, validations = units, 0, 1
        warnings = (f"Labels come from {count(units, by)} only: one validates, none is left to test on.",)
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
    highest = tuple(tuple(_highest_grades(cohort, s).tolist()) for s in slides)
    return np.array(_alike(highest, tuple(cohort.slides[s].site for s in slides), tuple(groups.tolist()), folds, seed))


@lru_cache(maxsize=16)
def _alike(
    highest_grades: tuple[tuple[int, ...], ...], sites: tuple[str, ...], persons: tuple[str, ...], folds: int, seed: int
) -> tuple[int, ...]:
    """See `_folds`. Kept: thousands of slides take seconds, and a label seldom changes a slide's highest grades."""
    from sklearn.model_selection import StratifiedGroupKFold

    slides, groups, highest = len(persons), np.array(persons), np.array(highest_grades)
    codes = _codes(highest_grades, sites, folds)
    best, best_cost = np.zeros(slides, int), np.inf
    for attempt in range(TRIES if len(set(persons)) < MANY_PERSONS else TRIES_OF_MANY):
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=(seed * TRIES + attempt) % 2**32)
        assigned = np.zeros(slides, int)
        with warnings.catch_warnings():  # what is rarer than the folds, all together, may be rarer still
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            for f, (_, test) in enumerate(splitter.split(np.zeros(slides), codes, groups)):
                assigned[test] = f
        cost = _unlikeness(highest, assigned, folds)
        if len(np.unique(assigned)) == folds and cost < best_cost:
            best, best_cost = assigned, cost
    if not np.isfinite(best_cost):  # the library may leave a fold empty when groups are few
        order = np.random.default_rng(seed).permutation(sorted(set(groups)))
        fold_of = {group: i % folds for i, group in enumerate(order)}
        best = np.array([fold_of[group] for group in groups])
    return tuple(best.tolist())


def _highest_grades(cohort: Cohort, slide: int) -> np.ndarray:
    rows = cohort.patches_of(slide)
    patch = cohort.grades[rows[~cohort.ignored[rows]]].max(axis=0, initial=UNKNOWN)
    return np.maximum(patch, np.where(cohort.weakly_graded(slide), cohort.slide_grades(slide), UNKNOWN))


def _codes(highest: tuple[tuple[int, ...], ...], sites: tuple[str, ...], folds: int) -> np.ndarray:
    """One code for grades and site together; codes rarer than the folds become one."""
    keys = list(zip(highest, sites, strict=True))
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
