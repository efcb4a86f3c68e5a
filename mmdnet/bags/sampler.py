"""Bags to train on: every grade of every task, positives first."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from mmdnet.bags.bag import Bag, make_bag, natural_bags, spread
from mmdnet.bags.cohort import Cohort, DomainKey
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASKS, UNKNOWN

BagDrawing = Literal["positive_first", "by_slide", "random"]
NATURAL_SHARE = 0.3  # rho: how much of the natural prior of grades is kept
MOST_POSITIVES = 4  # of the wanted grade in one bag: positives stay rare in it
BAGS_PER_SLIDE = 8  # cap per epoch, so that a large slide does not drown the others
MOST_GRADES = max(len(task.grades) for task in TASKS)  # of any task: grades that a shorter scale lacks stay unwanted
EVER = 1e6  # more than any patch is used
FEWEST = 4  # a slide with fewer usable patches does not train


class PositiveFirstSampler:
    """Bags that show every grade of every task, positives first.

    For each bag the (task, grade) most wanted so far picks a slide that has such patches (from the domain, then the
    slide, with the fewest bags yet), the least used patches of that grade go in, patches of a higher grade are kept out
    so that the highest grade is the wanted one, and the rest is filled with graded negatives first. The other tasks'
    grades are steered in the same way as far as the slide allows.

    Args:
        cohort: slides and patches.
        slides: positions of training slides.
        bag_size: K.
        seed: same seed, same bags.
        bags_per_epoch: how many; at most 8 per slide.
        domain_key: what is balanced.
        natural_share: 0 wants all grades alike, 1 wants them as they come.
        drawing: `positive_first` as above; `by_slide` picks the slide in the same way and then any of its graded
            patches; `random` cuts all slides into bags anew each epoch and takes any of them, graded or not.
        unsteered_fraction: share of positive-first bags that are filled as `by_slide` does.

    Raises:
        LabError: none of the slides has patches with a label.
    """

    def __init__(
        self,
        cohort: Cohort,
        slides: Sequence[int],
        bag_size: int = 16,
        seed: int = 0,
        bags_per_epoch: int | None = None,
        domain_key: DomainKey = "scanner+stain",
        natural_share: float = NATURAL_SHARE,
        drawing: BagDrawing = "positive_first",
        unsteered_fraction: float = 0.0,
    ) -> None:
        self.cohort, self.bag_size, self.seed, self.drawing = cohort, bag_size, seed, drawing
        self.unsteered_fraction = 1.0 if drawing == "by_slide" else unsteered_fraction
        informative = set(cohort.labelled_slides())
        usable = {s: rows[~cohort.ignored[rows]] for s in slides if len(rows := cohort.patches_of(s))}
        self.slides = [s for s in usable if s in informative and len(usable[s]) >= FEWEST]
        if not self.slides:  # everything is tiny: then tiny slides are better than none
            self.slides = [s for s in usable if s in informative and len(usable[s])]
        if not self.slides:
            raise LabError("None of the training slides has a patch with a grade.")
        self.rows = {s: usable[s] for s in self.slides}
        self.domain = cohort.domains(domain_key)[0]
        self.bags_per_epoch = min(bags_per_epoch or 5 * len(self.slides), BAGS_PER_SLIDE * len(self.slides))
        self.grades = self._bag_grades()
        self._after_negatives = {  # 0 for a graded negative of the task, 1 for another graded patch, 2 for the rest
            s: np.where(grades == 0, 0, np.where((grades >= 0).any(axis=1, keepdims=True), 1, 2))
            for s, grades in self.grades.items()
        }
        self.owns = self._owners()
        self._place = {slide: place for place, slide in enumerate(self.slides)}
        self.wanted = self._wanted(natural_share)
        self._used = np.zeros(len(cohort.patch_id))
        self._next_epoch = 0

    def epoch(self, number: int) -> list[Bag]:
        """The bags of an epoch, counted from 0; the same whether or not earlier ones were asked for."""
        if self.drawing == "random":
            return self._any_bags(number)
        if number < self._next_epoch:
            self._used[:], self._next_epoch = 0, 0
        while self._next_epoch < number:
            self._draw(self._next_epoch)
        return self._draw(number)

    def _any_bags(self, number: int) -> list[Bag]:
        random = np.random.default_rng((self.seed, 7, number))
        bags: list[Bag] = []
        while len(bags) < self.bags_per_epoch:
            cut = natural_bags(self.cohort, self.slides, self.bag_size, False, int(random.integers(2**31)), True)
            bags += [cut[place] for place in random.permutation(len(cut))]
        return spread(bags[: self.bags_per_epoch], random)

    def _bag_grades(self) -> dict[int, np.ndarray]:
        """Grades that patches of a slide carry into a bag, (patches, 3): its own, or the slide's where only that is."""
        grades = {}
        for s in self.slides:
            own = self.cohort.grades[self.rows[s]].astype(np.int64)
            weak = self.cohort.weakly_graded(s)
            own[:, weak] = self.cohort.slide_grades(s)[weak]
            grades[s] = own
        return grades

    def _owners(self) -> np.ndarray:
        """Which slides have patches of which grade, (tasks, grades, slides) bool."""
        owns = np.zeros((len(TASKS), MOST_GRADES, len(self.slides)), bool)
        for place, s in enumerate(self.slides):
            for t, task in enumerate(TASKS):
                owns[t, : task.highest + 1, place] = np.isin(np.arange(task.highest + 1), self.grades[s][:, t])
        return owns

    def _wanted(self, natural_share: float) -> np.ndarray:
        """Bags wanted by (task, grade), shape (tasks, grades); a grade no patch has is not wanted."""
        there = self.owns.any(axis=2)
        natural = np.zeros((len(TASKS), MOST_GRADES))
        for bag in natural_bags(self.cohort, self.slides, self.bag_size):
            for known in np.flatnonzero(bag.grades >= 0):
                natural[known, bag.grades[known]] += 1
        natural /= np.maximum(natural.sum(axis=1, keepdims=True), 1)
        even = there / np.maximum(there.sum(axis=1, keepdims=True), 1)
        share = np.where(there, (1 - natural_share) * even + natural_share * natural, 0)
        return self.bags_per_epoch * share

    def _draw(self, number: int) -> list[Bag]:
        random = np.random.default_rng((self.seed, 7, number))
        wanted = self.wanted.copy()
        counts = _Counts(self.domain[self.slides])
        bags: list[Bag] = []
        while len(bags) < self.bags_per_epoch:
            bag = self._next_bag(wanted, counts, random)
            bags.append(bag)
            counts.add(self._place[bag.slide_index])
            for t in np.flatnonzero(bag.grades >= 0):
                wanted[t, bag.grades[t]] -= 1
        self._used *= 0.5  # what was used long ago is as good as new
        self._next_epoch = number + 1
        return spread(bags, random)

    def _next_bag(self, wanted: np.ndarray, counts: "_Counts", random: np.random.Generator) -> Bag:
        """A bag for the (task, grade) most wanted that a slide below its cap can give."""
        order: list[int] = np.argsort(-wanted + 1e-6 * random.random(wanted.shape), axis=None).tolist()
        for place in order:
            task, grade = divmod(place, wanted.shape[1])
            owners = np.flatnonzero(self.owns[task, grade] & (counts.per_slide < counts.cap))
            if len(owners):
                fewest = counts.fewest(owners)
                lot = random.random(len(owners))[fewest].argmin()
                return self._fill(self.slides[owners[fewest[lot]]], task, grade, wanted, random)
        raise AssertionError("the cap leaves room for every bag of an epoch")

    def _fill(self, slide: int, task: int, grade: int, wanted: np.ndarray, random: np.random.Generator) -> Bag:
        """A bag of a slide whose highest known grade in `task` is `grade`."""
        if self._anyhow(random):
            anyhow = random.permutation(len(self.rows[slide]))
            graded_first = anyhow[np.argsort((self.grades[slide][anyhow] < 0).all(axis=1), kind="stable")]
            return make_bag(self.cohort, slide, self.rows[slide][graded_first[: self.bag_size]])
        grades = self.grades[slide]
        allowed = grades[:, task] <= grade
        must = [self._pick(slide, allowed & (grades[:, task] == grade), self._positives(grade, random), random)]
        for other in np.argsort(-wanted.max(axis=1)):
            if other != task:
                allowed, chosen = self._steer(slide, int(other), allowed, must, wanted[other], random)
                must.append(chosen)
        first = np.unique(np.concatenate(must))[: self.bag_size]
        rest = allowed.copy()
        rest[first] = False
        chosen = np.concatenate([first, self._pick(slide, rest, self.bag_size - len(first), random, negatives_of=task)])
        instances = self.rows[slide][random.permutation(chosen)]
        self._used[instances] += 1
        return make_bag(self.cohort, slide, instances)

    def _anyhow(self, random: np.random.Generator) -> bool:
        """Whether the next bag is filled as its slide comes; nothing is drawn where that is settled."""
        return self.unsteered_fraction == 1 or (
            self.unsteered_fraction > 0 and random.random() < self.unsteered_fraction
        )

    def _steer(self, slide, task, allowed, must, wanted, random):  # type: ignore[no-untyped-def]
        """Lower the ceiling of another task to the grade most wanted there that still leaves a full bag.

        Returns:
            The patches still allowed, and one patch of that grade (or none, when nothing is known of the task).
        """
        grades = self.grades[slide][:, task]
        floor = int(grades[np.concatenate(must)].max(initial=UNKNOWN))
        enough = min(self.bag_size, int(np.count_nonzero(allowed)))
        for grade in np.argsort(-wanted, kind="stable").tolist():
            if grade < floor:
                continue
            here = allowed & (grades == grade)
            ceiling = allowed & (grades <= grade)
            if here.any() and np.count_nonzero(ceiling) >= enough:
                return ceiling, self._pick(slide, here, 1, random) if grade > floor else np.empty(0, int)
        return allowed, np.empty(0, int)

    @staticmethod
    def _positives(grade: int, random: np.random.Generator) -> int:
        return 1 if grade == 0 else min(MOST_POSITIVES, int(random.geometric(0.5)))

    def _pick(self, slide, mask, count, random, negatives_of=None):  # type: ignore[no-untyped-def]
        """Up to `count` places of the mask: graded negatives of a task first if asked, then least used, ties random."""
        places = np.flatnonzero(mask)
        late = self._used[self.rows[slide][places]]
        if negatives_of is not None:
            late = late + EVER * self._after_negatives[slide][places, negatives_of]
        return places[np.lexsort((random.random(len(places)), late))[:count]]


class _Counts:
    """How many bags each slide and each domain has given in this epoch."""

    def __init__(self, domains: np.ndarray) -> None:
        self._domain = domains - domains.min()  # slides of unknown domain are one of their own
        self._per_domain = np.zeros(int(self._domain.max()) + 1, int)
        self.per_slide = np.zeros(len(domains), int)
        self.cap = BAGS_PER_SLIDE

    def add(self, place: int) -> None:
        self.per_slide[place] += 1
        self._per_domain[self._domain[place]] += 1

    def fewest(self, slides: np.ndarray) -> np.ndarray:
        """Places in `slides` of those whose domain has given the fewest bags and, among these, who have themselves."""
        rank = self._per_domain[self._domain[slides]] * (self.cap + 1) + self.per_slide[slides]
        return np.flatnonzero(rank == rank.min())
