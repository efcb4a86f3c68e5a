"""Grades look the same everywhere and can be read without colour."""

import ast
import math
import re
from base64 import b64decode

import pytest

from mmdnet.labels.grading import TASKS
from mmdnet.scoring.palette import GRADE_RAMPS
from mmdnet.settings import PROJECT_ROOT
from ui.shell import theme


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_grade_prints_its_digit_on_its_own_colour(task):
    for grade in task.grades:
        made = theme.chip(task.name, grade.value)
        assert f">{grade.value}</span>" in made
        assert GRADE_RAMPS[task.name][grade.value] in made


def test_an_unknown_grade_is_an_empty_outline_and_never_a_zero():
    for grade in (None, -1):
        made = theme.chip("steatosis", grade)
        assert "unknown" in made and ">0<" not in made


def test_a_table_cell_without_a_grade_has_no_colour():
    assert theme.grade_styles("steatosis", math.nan) == ""
    assert theme.grade_styles("steatosis", None) == ""
    assert GRADE_RAMPS["steatosis"][3] in theme.grade_styles("steatosis", 3)


def test_words_from_outside_are_escaped_in_a_chip():
    assert "<b>" not in theme.chip("steatosis", 1, text="<b>")


@pytest.mark.parametrize(("picture", "kind"), [(b"\x89PNG\r\n", "png"), (b"\xff\xd8\xff\xe0", "jpeg")])
def test_a_picture_is_its_own_address(picture, kind):
    start, _, data = theme.in_page(picture).partition(",")
    assert start == f"data:image/{kind};base64" and b64decode(data) == picture


def test_no_page_leaves_a_picture_to_a_store_that_forgets_it():
    drawn = [
        (file.name, ast.unparse(call.args[0]))
        for folder in ("pages", "ui")
        for file in (PROJECT_ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "st.image"
    ]
    assert drawn
    assert [(name, given) for name, given in drawn if not given.startswith(("in_page(", "theme.in_page("))] == []


def test_the_page_to_sign_in_has_the_colours_of_the_theme_light_and_dark():
    style = (PROJECT_ROOT / "ui" / "shell" / "sign_in.html.j2").read_text("utf-8")
    config = (PROJECT_ROOT / ".streamlit" / "config.toml").read_text("utf-8")
    colours = set(re.findall(r"#[0-9a-f]{6}", style))
    assert len(colours) > 8 and colours <= set(re.findall(r"#[0-9a-f]{6}", config))


def test_a_tablet_is_as_wide_for_the_side_bar_as_for_the_pages():
    (width,) = re.findall(r"TABLET_PX = (\d+)", (PROJECT_ROOT / "ui" / "shell" / "side_bar.js").read_text("utf-8"))
    styles = (PROJECT_ROOT / "ui" / "shell" / "theme.css").read_text("utf-8")
    assert f"max-width: {width}px" in styles
