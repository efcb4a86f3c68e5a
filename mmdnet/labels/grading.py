"""What a grade means: on one patch, and on a slide.

The slide's criteria are those of the NAFLD Activity Score (Kleiner 2005, table 1). Kleiner counts per 200x field
(0.95 mm²); one 299 px patch at 0.5 µm/px is 0.022 mm², so 42 patches make a field, and what a grade means on ONE patch
needs its own words. They stand here and nowhere else.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

UNKNOWN = -1  # in arrays; in records an unknown grade is None
FIELD_MM2 = 0.95  # a 200x field, field number 22


@dataclass(frozen=True, slots=True)
class Grade:
    """One step of a task's scale."""

    value: int
    patch: str
    slide: str


@dataclass(frozen=True, slots=True)
class Task:
    """An ordinal feature that patches and slides are graded by; `in_nas`: it is summed in the NAS."""

    name: str
    title: str
    letter: str
    grades: tuple[Grade, ...]
    in_nas: bool = True

    @property
    def highest(self) -> int:
        return self.grades[-1].value


TASKS: tuple[Task, ...] = (
    Task(
        "ballooning",
        "Ballooning",
        "B",
        (
            Grade(0, "no ballooned hepatocyte", "none"),
            Grade(1, "one ballooned hepatocyte", "few balloon cells"),
            Grade(2, "two or more ballooned hepatocytes", "many cells / prominent ballooning"),
        ),
    ),
    Task(
        "inflammation",
        "Lobular inflammation",
        "I",
        (
            Grade(0, "no focus", "no foci"),
            Grade(1, "one focus", "< 2 foci per 200x field"),
            Grade(2, "two foci", "2-4 foci per 200x field"),
            Grade(3, "three foci or more", "> 4 foci per 200x field"),
        ),
    ),
    Task(
        "steatosis",
        "Steatosis",
        "S",
        (
            Grade(0, "fat in under 5 % of hepatocytes", "< 5 %"),
            Grade(1, "fat in 5-33 % of hepatocytes", "5-33 %"),
            Grade(2, "fat in over 33-66 % of hepatocytes", "> 33-66 %"),
            Grade(3, "fat in over 66 % of hepatocytes", "> 66 %"),
        ),
    ),
)
SHOWN_TASKS: tuple[Task, ...] = (
    *(known for known in reversed(TASKS) if known.in_nas),
    *(known for known in TASKS if not known.in_nas),
)
"""As people read them: those of the NAS as it is written, steatosis first, then what stands beside it."""
TASK_NAMES: tuple[str, ...] = tuple(task.name for task in TASKS)
NAS = "nas"
"""What the sum of the three grades is called beside the tasks' names."""
_PLACES = {name: place for place, name in enumerate(TASK_NAMES)}


@dataclass(frozen=True, slots=True, init=False)
class Grades(Mapping[str, int | None]):
    """A grade for each task, None where it is unknown: `Grades(steatosis=2)["ballooning"] is None`.

    Raises:
        ValueError: there is no such task, or a grade lies off its scale.
    """

    _values: tuple[int | None, ...]

    def __init__(self, **grades: int | None) -> None:
        unknown = set(grades) - set(TASK_NAMES)
        if unknown:
            raise ValueError(f"There is no feature called {', '.join(sorted(unknown))}.")
        for graded in TASKS:
            value = grades.get(graded.name)
            if value is not None and not 0 <= value <= graded.highest:
                raise ValueError(f"{graded.title} is graded 0 to {graded.highest}, not {value}.")
        object.__setattr__(self, "_values", tuple(grades.get(name) for name in TASK_NAMES))

    @classmethod
    def of(cls, record: object) -> "Grades":
        """The grades a record (a database row) holds as attributes of the tasks' names."""
        return _grades(_attributes(record))

    @classmethod
    def from_values(cls, values: Iterable[int | None]) -> "Grades":
        """Of one grade per task, in the order of `TASKS`."""
        return _grades(tuple(values))

    def __getitem__(self, task_name: str) -> int | None:
        return self._values[_PLACES[task_name]]

    def __iter__(self) -> Iterator[str]:
        return iter(TASK_NAMES)

    def __len__(self) -> int:
        return len(TASK_NAMES)

    @property
    def as_tuple(self) -> tuple[int | None, ...]:
        """One grade per task, in the order of `TASKS`."""
        return self._values

    @property
    def as_numbers(self) -> tuple[int, ...]:
        """The same, `UNKNOWN` where there is no grade: as arrays hold them."""
        return tuple(UNKNOWN if grade is None else grade for grade in self._values)

    @property
    def any_known(self) -> bool:
        """Whether at least one task has a grade."""
        return any(value is not None for value in self._values)

    @property
    def total(self) -> int | None:
        """The sum of those in the NAS, of a whole slide the NAS itself; None while one is unknown."""
        summed = [value for graded, value in zip(TASKS, self._values, strict=True) if graded.in_nas]
        known = [value for value in summed if value is not None]
        return sum(known) if len(known) == len(summed) else None


_attributes = attrgetter(*TASK_NAMES)


@lru_cache(maxsize=1024)  # few combinations, and a project reads a hundred thousand of them
def _grades(values: tuple[int | None, ...]) -> Grades:
    return Grades(**dict(zip(TASK_NAMES, values, strict=True)))


STEATOSIS_CUTS = (0.05, 0.33, 0.66)  # share of hepatocytes with fat


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        KeyError: there is no such task.
    """
    for known in TASKS:
        if known.name == name:
            return known
    raise KeyError(name)


def steatosis_grade(fatty_share: float) -> int:
    """Grade of a share of fatty hepatocytes (0-1), on a patch or a slide (Kleiner 2005: 5, 33 and 66 %)."""
    low, middle, high = STEATOSIS_CUTS
    return int(fatty_share >= low) + int(fatty_share > middle) + int(fatty_share > high)


def patch_inflammation_grade(foci: int) -> int:
    """Grade of one patch by its number of lobular foci."""
    return min(foci, 3)


def patch_ballooning_grade(cells: int) -> int:
    """Grade of one patch by its number of ballooned hepatocytes."""
    return min(cells, 2)


def slide_inflammation_grade(foci_per_field: float) -> int:
    """Grade of a slide by lobular foci per 200x field (Kleiner 2005)."""
    if foci_per_field <= 0:
        return 0
    return 1 + int(foci_per_field >= 2) + int(foci_per_field > 4)


def slide_ballooning_grade(cells_per_field: float, many: float = 4.0) -> int:
    """Grade of a slide by ballooned hepatocytes per 200x field; Kleiner's "few" and "many" are cut at `many`."""
    if cells_per_field <= 0:
        return 0
    return 1 + int(cells_per_field >= many)
