"""What a bag is.

A bag is up to K patches of one slide. Its grade in a task is the highest known grade of its patches; where no patch of
the slide was graded in that task but the slide was, the slide's own grade; else it is unknown (-1) and teaches nothing
in that task. A patch without a grade is not a negative: a bag's grade is trusted only as far as its patches were
graded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mmdnet.bags.cohort import Cohort
from mmdnet.labels.grading import TASKS, UNKNOWN

HIGHEST = np.array([task.highest for task in TASKS])


@dataclass(frozen=True, slots=True)
class Bag:
    """Patches of one slide, graded together.

    Attributes:
        slide_index: position of the slide in its cohort.
        instances: (k,) positions of the patches in the cohort, each once.
        grades: (3,) grade by task, -1 where unknown.
        label_confidence: (3,) 0-1: 1 when every patch was graded or when the known grade is the scale's highest, else
            the share of patches that were graded; the cohort's `slide_trust` where the grade is the slide's own.
        ignored: positions of set-aside patches that go along for the task "holds an ignored patch" alone.
    """

    slide_index: int
    instances: np.ndarray
    grades: np.ndarray
    label_confidence: np.ndarray
    ignored: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


def make_bag(cohort: Cohort, slide: int, instances: np.ndarray, by_slide: bool = True) -> Bag:
    """Grade a bag of these patches; by the slide's own grade where only that is known, unless told otherwise."""
    known = cohort.grades[instances]
    grades = known.max(axis=0, initial=UNKNOWN).astype(np.int64)
    label_confidence = np.count_nonzero(known != UNKNOWN, axis=0) / max(1, len(instances))
    label_confidence[grades == HIGHEST] = 1.0
    weak = cohort.weakly_graded(slide)
    if by_slide and weak.any():
        grades[weak], label_confidence[weak] = cohort.slide_grades(slide)[weak], cohort.slide_trust
    return Bag(slide, instances, grades, label_confidence)


def natural_bags(
    cohort: Cohort,
    slides: Iterable[int],
    bag_size: int,
    only_informative: bool = True,
    seed: int = 0,
    synthetic: bool = False,
) -> list[Bag]:
    """All usable patches of these slides, each exactly once, in random but fixed bags; a slide's last may be short.

    Args:
        cohort: slides and patches.
        slides: positions of slides.
        bag_size: K.
        only_informative: leave out patches nothing is known about (for evaluation, where they could not be judged).
        seed: of the partition; it does not depend on the other slides asked for.
        synthetic: synthetic patches too, which nothing may be judged by.
    """
    usable = cohort.informative() if only_informative else ~cohort.ignored
    usable = usable if synthetic else usable & ~cohort.synthetic
    bags = []
    for slide in slides:
        rows = cohort.patches_of(slide)
        rows = np.random.default_rng((seed, cohort.slides[slide].slide_id)).permutation(rows[usable[rows]])
        bags += [make_bag(cohort, slide, rows[at : at + bag_size]) for at in range(0, len(rows), bag_size)]
    return bags


def with_ignored(cohort: Cohort, bags: Sequence[Bag], random: np.random.Generator) -> list[Bag]:
    """Half of the bags, drawn at random, with a set-aside patch of their own slide, where it has one."""
    chosen = random.random(len(bags)) < 0.5
    places = random.random(len(bags))
    result = []
    for bag, wanted, place in zip(bags, chosen, places, strict=True):
        rows = cohort.patches_of(bag.slide_index)
        pool = rows[cohort.ignored[rows]]
        ignored = pool[int(place * len(pool))][None] if wanted and len(pool) else bag.ignored
        result.append(replace(bag, ignored=ignored))
    return result


def spread(bags: list[Bag], random: np.random.Generator) -> list[Bag]:
    """Shuffle so that neighbours come from different slides: a training step should see several.

    Each slide's bags are laid evenly over the epoch, at a random start.
    """
    order = [bags[i] for i in random.permutation(len(bags))]
    seen: dict[int, int] = {}
    total: dict[int, int] = {}
    for bag in order:
        total[bag.slide_index] = total.get(bag.slide_index, 0) + 1
    start = {slide: random.random() for slide in sorted(total)}
    keys = []
    for bag in order:
        turn = seen.get(bag.slide_index, 0)
        seen[bag.slide_index] = turn + 1
        keys.append((turn + start[bag.slide_index]) / total[bag.slide_index])
    return [order[i] for i in np.argsort(keys, kind="stable")]
