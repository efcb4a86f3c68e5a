from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from mmdnet.training.choices.options import Option, form_fields


class Oven(BaseModel):
    plain: int = 3
    heat: Annotated[int, Field(ge=50, le=250), Option("Heat", "In degrees.", "oven", common=True)] = 180
    share: Annotated[float, Field(gt=0, lt=1), Option("Share", "Of the dough.", "dough")] = 0.5
    fan: Annotated[bool, Option("Fan", "Blows.", "oven")] = True
    kind: Annotated[
        Literal["rye", "wheat"], Option("Flour", "Of what.", "dough", values={"rye": "Rye", "wheat": "Wheat"})
    ]
    minutes: Annotated[int | None, Field(ge=1), Option("Minutes", "How long.", "oven", empty="until it is brown")] = (
        None
    )
    note: Annotated[str | None, Option("Note", "On the lid.", "oven", empty="nothing")] = None


FIELDS = {field.name: field for field in form_fields(Oven)}


def test_fields_without_an_option_are_no_part_of_the_form():
    assert list(FIELDS) == ["heat", "share", "fan", "kind", "minutes", "note"]


def test_kind_range_and_default_come_from_the_type():
    assert [FIELDS[name].kind for name in FIELDS] == ["whole", "number", "flag", "choice", "whole", "text"]
    assert (FIELDS["heat"].low, FIELDS["heat"].high, FIELDS["heat"].default) == (50, 250, 180)
    assert (FIELDS["share"].above_low, FIELDS["share"].below_high) == (True, True)
    assert (FIELDS["minutes"].optional, FIELDS["heat"].optional) == (True, False)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("heat", 200, "200"), ("fan", False, "no"), ("kind", "rye", "Rye"), ("minutes", None, "until it is brown"), ("share", 0.25, "0.25")],
)  # fmt: skip
def test_a_value_is_said_in_words(name, value, said):
    assert FIELDS[name].words(value) == said


def test_a_long_value_is_cut():
    assert FIELDS["heat"].words("x" * 100) == "x" * 40 + "…"


def test_the_sentence_of_a_command_says_range_and_default():
    assert FIELDS["heat"].sentence == "Heat. In degrees. (from 50 to 250; default: 180)"
    assert FIELDS["share"].sentence == "Share. Of the dough. (more than 0 to less than 1; default: 0.5)"
    assert FIELDS["fan"].sentence == "Fan. Blows. (true or false; default: true)"
    assert FIELDS["minutes"].sentence == "Minutes. How long. (from 1; default: until it is brown)"
    assert FIELDS["note"].sentence == "Note. On the lid. (a text; default: nothing)"
