"""What a form, a command's help and a table say of a configuration's fields, read from the model alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

Kind = Literal["flag", "whole", "number", "choice", "open choice", "text", "file"]
LONG = 40  # characters: a longer value is cut in a table


@dataclass(frozen=True, slots=True)
class Searched:
    """That a hyper-parameter search may try other values of a field: all it may be, or a number within these bounds.

    Attributes:
        low: the least that is tried; the field's own least if not given.
        high: the most that is tried; the field's own most if not given.
        log: numbers are tried evenly on a logarithmic scale.
        usual: searched where nobody says what to search.
        whole: it does something only where the backbone learns.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    usual: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """What people are told of a field, written beside its type.

    Attributes:
        title: on a form.
        help: a sentence or two.
        group: where on a form it stands.
        common: always in sight, not folded away with its group.
        values: title of each value, where it is one of a few.
        open: other values than those are taken as well.
        empty: what not giving it means, for a field that may be left empty.
        searched: how a search tries it; None where it may not.
    """

    title: str
    help: str
    group: str
    common: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    open: bool = False
    empty: str = ""
    searched: Searched | None = None


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a configuration as a form needs it.

    Attributes:
        low: the least it may be (or must be more than, where `above_low`); None where there is no least.
        high: the most it may be (or must be less than, where `below_high`); None where there is no most.
        default: its value when nothing is given and no preset says otherwise; None is "not given".
        optional: it may be left empty; what that means stands in `option.empty`.
    """

    name: str
    option: Option
    kind: Kind
    default: Any
    optional: bool
    low: float | None = None
    high: float | None = None
    above_low: bool = False
    below_high: bool = False

    def words(self, value: Any) -> str:
        """A value for people."""
        if value is None:
            return self.option.empty
        if isinstance(value, bool):
            return "yes" if value else "no"
        said = self.option.values.get(str(value), f"{value:g}" if isinstance(value, float) else str(value))
        return said if len(said) <= LONG or said in self.option.values.values() else f"{said[:LONG]}…"

    @property
    def limits(self) -> str:
        """What it may be, in words: "1 to 100", "small, ResNet50 ... or another", "yes or no"."""
        if self.kind == "flag":
            return "true or false"
        if self.option.values:
            return ", ".join(self.option.values) + (", or another" if self.option.open else "")
        if self.kind in ("file", "text"):
            return f"a {self.kind}"
        low = "" if self.low is None else f"{'more than' if self.above_low else 'from'} {_number(self.low)}"
        high = "" if self.high is None else f"{'to less than' if self.below_high else 'to'} {_number(self.high)}"
        return f"{low} {high}".strip()

    @property
    def sentence(self) -> str:
        """All a command's help says of it."""
        usual = self.words(self.default) if self.default is None else _as_typed(self.default)
        return f"{self.option.title}. {self.option.help} ({self.limits}; default: {usual})"


def form_fields(model: type[BaseModel]) -> tuple[FormField, ...]:
    """The fields of a configuration that carry an `Option`, in their order."""
    return tuple(
        _form_field(name, info, option)
        for name, info in model.model_fields.items()
        for option in info.metadata
        if isinstance(option, Option)
    )


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


def _as_typed(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _form_field(name: str, info: FieldInfo, option: Option) -> FormField:
    types = [info.annotation]
    if get_origin(info.annotation) in (Union, UnionType):
        types = list(get_args(info.annotation))
    optional = NoneType in types
    (kept,) = [part for part in types if part is not NoneType]
    bounds = {type(bound): bound for bound in info.metadata if isinstance(bound, Ge | Gt | Le | Lt)}
    low, high = bounds.get(Ge) or bounds.get(Gt), bounds.get(Le) or bounds.get(Lt)
    return FormField(
        name=name,
        option=option,
        kind=_kind(kept, option),
        default=info.get_default(call_default_factory=False),
        optional=optional,
        low=float(getattr(low, "ge", getattr(low, "gt", None))) if low else None,  # type: ignore[arg-type]
        high=float(getattr(high, "le", getattr(high, "lt", None))) if high else None,  # type: ignore[arg-type]
        above_low=Gt in bounds,
        below_high=Lt in bounds,
    )


def _kind(annotation: Any, option: Option) -> Kind:
    if option.values:
        return "open choice" if option.open else "choice"
    return {bool: "flag", int: "whole", float: "number", str: "text"}.get(annotation, "file")  # type: ignore[return-value]
