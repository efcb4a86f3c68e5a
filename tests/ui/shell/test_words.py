"""Numbers and facts as pathologists read them."""

import ast
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from mmdnet.settings import PROJECT_ROOT
from mmdnet.slides.set_aside import set_aside_reason
from mmdnet.workflows.slides.views import SlideView
from ui.shell import words
from ui.shell.jobs import ago, duration


def slide(**facts) -> SlideView:
    known = dict.fromkeys(field.name for field in fields(SlideView)) | {
        "id": 1,
        "name": "a",
        "width_px0": 10_000,
        "height_px0": 4_000,
    }
    return SlideView(**(known | facts))


@pytest.mark.parametrize(
    ("value", "said"), [(None, "–"), (0.0, "0 %"), (0.042, "4.2 %"), (0.38, "38 %"), (1.0, "100 %"), (0.0999, "10 %")]
)
def test_a_share_is_said_in_per_cent_with_two_digits(value, said):
    assert words.share(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (0, "0 mm²"), (2.04, "2.0 mm²"), (0.741, "0.74 mm²"), (18.7, "19 mm²"), (12_345.0, "12,345 mm²")],
)
def test_a_number_has_its_unit_and_two_significant_digits(value, said):
    assert words.number(value, "mm²") == said


def test_a_size_is_in_mm_and_pixels_only_where_nothing_else_is_known():
    assert words.micron_size(slide(mpp_x=0.25, mpp_y=0.25)) == "2.5 × 1.0 mm"
    assert "px, unknown in mm" in words.micron_size(slide())


def test_a_resolution_says_where_it_comes_from_and_both_sides_if_they_differ():
    assert words.micron_per_pixel(slide()) == "missing"
    assert words.micron_per_pixel(slide(mpp_x=0.25, mpp_y=0.25, mpp_source="person")) == "0.25 µm/px, entered by hand"
    assert words.micron_per_pixel(slide(mpp_x=0.25, mpp_y=0.26, mpp_source="file")).startswith("0.25 × 0.26 µm/px")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, ""), (-3, ""), (0.2, "1 s"), (89, "89 s"), (200, "3 min"), (3900, "65 min"), (7500, "2 h 5 min")],
)
def test_a_duration_is_said_as_a_person_would(seconds, said):
    assert duration(seconds) == said


def test_a_moment_is_said_as_time_since():
    now = datetime.now(UTC)
    assert ago(now) == "just now"
    assert ago(now - timedelta(minutes=5)) == "5 min ago"
    assert ago(now - timedelta(days=3)) == "3 days ago"


def test_quality_is_said_in_words_and_reasons_are_counted():
    used, pen, blur = (SimpleNamespace(usable=not aside, set_aside=aside) for aside in (None, "pen", "blur"))
    assert words.set_aside_counts([used]) == "none"
    assert words.set_aside_counts([pen, used, blur, pen]) == "3: pen mark 2, out of focus 1"
    measures = {"focus": 0.413, "blank_share": 0.124, "pen_share": 0.001, "fold_share": 0.02, "blur_share": 0.62}
    assert words.quality_line(measures) == "Focus 41 % of usual · out of focus 62 % · fold 2 % · white 12 %"
    assert words.quality_line({"focus": None, "blank_share": 0.97}) == "White 97 %"
    assert words.quality_line({}) == ""
    assert words.why_set_aside(SimpleNamespace(set_aside="pen", quality={"pen_share": 0.42})) == "pen mark 42 %"
    assert words.why_set_aside(SimpleNamespace(set_aside="region", quality={})) == set_aside_reason("region")


def test_what_has_one_name_is_told_apart_by_its_number():
    assert words.told_apart({3: "a", 5: "b", 7: "a"}) == {3: "a · no. 3", 5: "b", 7: "a · no. 7"}


def test_no_list_shows_the_names_of_people_and_files_as_they_are():
    """`told_apart` goes before: Streamlit knows a choice by its words alone."""
    choosers = {"selectbox", "multiselect", "segmented_control", "pills", "radio"}
    bare = [
        (file.name, ast.unparse(given.value))
        for file in (PROJECT_ROOT / "ui").rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in choosers
        for given in call.keywords
        if given.arg == "format_func" and isinstance(given.value, ast.Lambda) and "plain(" in ast.unparse(given.value)
    ]
    assert bare == []
