"""What a search is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mmdnet.errors import LabError
from mmdnet.experiments.search.space import Dimension, space_of

VERSION = 1


class SearchPlan(BaseModel):
    """Choices of a search.

    Attributes:
        over: names of the options that are searched; the usual ones if none is given.
        minutes: how long it may train, on whatever machine; stopped and taken up again, the rest of it.
        folds: parts of the patients that are not tested on; each validates once, and the others train.
        seed: of what is tried.
        version: of the record.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    over: Annotated[tuple[str, ...], Field(validate_default=True)] = ()
    minutes: Annotated[float, Field(gt=0, le=60 * 24 * 14, allow_inf_nan=False)] = 60.0
    folds: Annotated[int, Field(ge=3, le=20)] = 4
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    version: int = VERSION

    @field_validator("over")
    @classmethod
    def _known(cls, over: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dimension.name for dimension in space_of(over))

    @property
    def space(self) -> tuple[Dimension, ...]:
        """What is searched."""
        return space_of(self.over)


def read_search(choices: Mapping[str, Any]) -> SearchPlan:
    """A plan out of what a person gave.

    Raises:
        LabError: a choice that there is not, or that does not work.
    """
    try:
        return SearchPlan.model_validate(dict(choices))
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the choices"
        raise LabError(f"The search's {where} does not work: {first['msg'].lower()}. Nothing was started.") from problem
