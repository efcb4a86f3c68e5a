"""What a search may try: the options of a training that say so, within the ranges that stand there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmdnet.errors import LabError
from mmdnet.training.choices.options import FormField, Searched
from mmdnet.training.config import TrainingConfig, training_options

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Value = bool | int | float | str
Params = dict[str, Value]
"""Values of searched options, by name."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """An option that is searched.

    Attributes:
        field: the option.
        values: what is tried of a choice or a flag; empty for a number.
        low: the least that is tried of a number.
        high: the most that is tried of a number.
        log: numbers are tried evenly on a logarithmic scale.
        usual: it is searched where nobody says what to search.
        whole: it does something only where the backbone learns.
    """

    field: FormField
    values: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    usual: bool = False
    whole: bool = False

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def title(self) -> str:
        return self.field.option.title

    @property
    def range(self) -> str:
        """What is tried, in words."""
        if self.values:
            return " · ".join(self.field.words(value) for value in self.values)
        return f"{self.low:g} to {self.high:g}" + (", evenly in its logarithm" if self.log else "")

    def holds(self, value: object) -> bool:
        """Whether it would try this value."""
        if self.values:
            return value in self.values
        return isinstance(value, int | float) and self.low <= value <= self.high

    def distribution(self) -> BaseDistribution:
        """The same as optuna draws from it."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.values:
            return CategoricalDistribution(self.values)
        if self.field.kind == "whole":
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)


def searchable() -> dict[str, Dimension]:
    """Every option that may be searched, by name, in the order of the configuration; not a choice among one."""
    known = (
        _dimension(field, searched) for field in training_options() if (searched := field.option.searched) is not None
    )
    return {dimension.name: dimension for dimension in known if len(dimension.values) != 1}


def space_of(names: Sequence[str]) -> tuple[Dimension, ...]:
    """The options of these names; the usual ones if none is named.

    Raises:
        LabError: one that there is not, or that may not be searched.
    """
    known = searchable()
    if not names:
        return tuple(dimension for dimension in known.values() if dimension.usual)
    wrong = [name for name in names if name not in known]
    if wrong:
        raise LabError(f"{wrong[0]} is nothing a search may try. It may try: {', '.join(known)}. Nothing was started.")
    return tuple(known[name] for name in known if name in names)


def check_frozen(space: Sequence[Dimension]) -> None:
    """Refuse, for a training whose backbone stays frozen, options that do nothing then.

    Raises:
        LabError: names them.
    """
    idle = [dimension.name for dimension in space if dimension.whole]
    if idle:
        raise LabError(
            f"{', '.join(idle)} {'does' if len(idle) == 1 else 'do'} nothing while the backbone stays frozen. Leave "
            f"{'it' if len(idle) == 1 else 'them'} out, or train the whole network (mode=full). Nothing was started."
        )


def given_params(config: TrainingConfig, space: Sequence[Dimension]) -> Params | None:
    """The searched options as a configuration has them; None where one is not among what is tried."""
    values = {dimension.name: getattr(config, dimension.name) for dimension in space}
    return values if all(dimension.holds(values[dimension.name]) for dimension in space) else None


def _dimension(field: FormField, searched: Searched) -> Dimension:
    if field.kind == "flag":
        values: tuple[Value, ...] = (False, True)
    else:
        values = tuple(field.option.values)
    low = field.low if searched.low is None else searched.low
    high = field.high if searched.high is None else searched.high
    if not values and (low is None or high is None):
        raise ValueError(f"{field.name} is searched without bounds")
    return Dimension(field, values, low or 0.0, high or 0.0, searched.log, searched.usual, searched.whole)
