"""Label files: what goes out comes in again, exactly; what is no label is named with its line."""

import contextlib
import dataclasses
import datetime
import io
import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.labels.files import KINDS, Square, kind_of, read_lines, write_records
from mmdnet.labels.grading import Grades
from mmdnet.labels.records import LabelRecord, LineProblem, record_of
from mmdnet.tables import NoTable

HEADER = "slide,x_px0,y_px0,reader,ballooning,inflammation,steatosis,ignored\n"
SQUARE = Square(1000, 70, 300, 299)

words = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12)
slides = words | st.sampled_from(["a,b;c", 'quo"te', "=1+1", " lead", "two\nlines", "tab\t", "\ufeffmark", "café\r\n"])
readers = words.map(lambda name: " ".join(name.split())).filter(lambda name: name and name.isprintable())
times = st.datetimes(min_value=datetime.datetime(1990, 1, 1)).map(
    lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S.%f")
)


@st.composite
def records(draw):
    place = {"slide": draw(slides), "x_px0": draw(st.integers(0, 10**6)), "y_px0": draw(st.integers(0, 10**6))}
    flags = {name: draw(st.booleans()) for name in ("flagged", "adjudicated")}
    said = {"reader": draw(readers), "at": draw(times), "fingerprint": draw(st.sampled_from(["", "f" * 64]))}
    grades = st.fixed_dictionaries(
        {
            name: st.none() | st.integers(0, top)
            for name, top in (("ballooning", 2), ("inflammation", 3), ("steatosis", 3))
        }
    )
    state = draw(st.just({"ignored": True}) | grades.map(lambda given: {"grades": Grades(**given)}))
    return LabelRecord(**place, **flags, **said, **state)


def back(data: bytes, kind: str) -> list[LabelRecord]:
    return [record_of(line.fields) for line in read_lines(data, kind, lambda *_: SQUARE)]


@settings(max_examples=60)
@given(st.lists(records(), max_size=12), st.sampled_from(["csv", "jsonl", "parquet", "zip"]))
def test_labels_come_back_exactly_from_every_kind_of_file(given_records, kind):
    read_back = back(
        write_records(given_records, kind, lambda *_: SQUARE) if given_records or kind != "zip" else _empty(), kind
    )
    if kind == "zip":  # one file per slide: the order within a slide stays
        key = lambda record: (record.slide, record.fingerprint)  # noqa: E731
        given_records = sorted(given_records, key=key)
        read_back.sort(key=key)
    assert read_back == given_records


def _empty() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("none.geojson", '{"type": "FeatureCollection", "features": []}')
    return out.getvalue()


@settings(max_examples=30)
@given(st.lists(records(), max_size=8))
def test_a_slides_labels_come_back_exactly_from_qupath(given_records):
    of_slide = [dataclasses.replace(record, slide="s.svs", fingerprint="") for record in given_records]
    assert back(write_records(of_slide, "geojson", lambda *_: SQUARE), "geojson") == of_slide


def test_qupath_sees_squares_from_its_own_corner_with_grades_as_classes():
    record = LabelRecord("s.svs", 1300, 369, "Ada", Grades(steatosis=2, inflammation=0))
    (feature,) = json.loads(write_records([record], "geojson", lambda *_: SQUARE))["features"]
    ring = feature["geometry"]["coordinates"][0]
    assert ring == [[300, 299], [600, 299], [600, 598], [300, 598], [300, 299]]
    assert feature["properties"]["classification"]["name"] == "I0 S2"
    assert feature["properties"]["measurements"] == {"inflammation": 0, "steatosis": 2}


def test_a_geojson_of_two_slides_is_refused_with_the_way_out():
    of_two_slides = [LabelRecord(name, 0, 0, "Ada", Grades(steatosis=1)) for name in ("a", "b")]
    with pytest.raises(LabError, match=r"\.zip"):
        write_records(of_two_slides, "geojson", lambda *_: SQUARE)


@settings(max_examples=200)
@given(st.binary(max_size=300), st.sampled_from(list(KINDS)))
def test_no_bytes_whatever_break_the_reading(data, kind):
    try:
        for line in read_lines(data, kind, lambda *_: None):
            with contextlib.suppress(LineProblem):
                record_of(line.fields)
    except NoTable as refusal:
        assert str(refusal)


@settings(max_examples=200)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(["slide", "x_px0", "y_px0", "steatosis", "at", "features", "geometry", "properties", "coordinates", "type"]) | st.text(max_size=9), inner, max_size=6), max_leaves=25))  # fmt: skip
def test_no_json_whatever_breaks_the_reading(value):
    for kind in ("jsonl", "geojson"):
        try:
            for line in read_lines(json.dumps(value).encode(), kind, lambda *_: None):
                with contextlib.suppress(LineProblem):
                    record_of(line.fields)
        except NoTable:
            pass


def problem(cells: str, data: bytes | None = None) -> str:
    (line,) = read_lines(data or (HEADER + cells + "\n").encode(), "csv", lambda *_: None)
    if line.problem:
        return line.problem
    with pytest.raises(LineProblem) as refusal:
        record_of(line.fields)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ("s,0,0,Ada,5,,,", "the scale is 0 to 2"),
        ("s,0,0,Ada,-1,,,", "the scale is 0 to 2"),
        ('s,0,0,Ada,"1,5",,,', "decimal comma"),
        ("s,0,0,Ada,1,5,,,", "9 cells where the header has 8; a decimal comma"),
        ("s,0,0,Ada,1.5,,,", "whole number"),
        ("s,0,0,Ada,1e0,,,", "whole number"),
        ("s,0,0,Ada,\u0661,,,", "whole number"),
        ("s,0,0,Ada,one,,,", "whole number"),
        ("s,0,0,Ada,1", "5 cells where"),
        ("s,,0,Ada,1,,,", "has nothing as x_px0"),
        (",0,0,Ada,1,,,", "names no slide"),
        ("s,0,0,,1,,,", "does not say who graded"),
        ("s,0,0,Ada,,,,", "no grade and is not ignored"),
        ("s,0,0,Ada,1,,,1", "ignored and graded at once"),
        ("s,0,0,Ada,1,,,maybe", "neither 0 nor 1"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(cells, words):
    assert words in problem(cells)


def test_a_line_in_another_encoding_is_named_and_the_others_are_read():
    data = HEADER.encode() + "caf\xe9,0,0,Ada,1,,,\n".encode("latin-1") + "café,0,0,Ada,1,,,\n".encode()
    bad, good = read_lines(data, "csv", lambda *_: None)
    with pytest.raises(LineProblem, match="UTF-8"):
        record_of(bad.fields)
    assert (bad.number, good.number, record_of(good.fields).slide) == (2, 3, "café")


def test_whole_numbers_may_be_written_as_other_programs_do():
    (line,) = read_lines((HEADER + "s,12.0,0,Ada,1.0,,,no\n").encode(), "csv", lambda *_: None)
    assert (record_of(line.fields).x_px0, record_of(line.fields).grades["ballooning"]) == (12, 1)


@pytest.mark.parametrize("mark", [";", "\t", ","])
def test_tables_may_be_cut_by_comma_semicolon_or_tab(mark):
    (line,) = read_lines((HEADER + "s,0,0,Ada,1,,,\n").replace(",", mark).encode("utf-8-sig"), "csv", lambda *_: None)
    assert record_of(line.fields).grades["ballooning"] == 1


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"", "csv", "is empty"),
        (b"a,b\n", "csv", "no column slide"),
        (b"slide,x_px0,y_px0\n", "csv", "none of the columns"),
        (b"slide,x_px0,y_px0,steatosis,steatosis\n", "csv", "twice"),
        ("slide".encode("utf-16"), "csv", "UTF-16"),
        (b"PAR1", "parquet", "no Parquet"),
        (b"{}", "geojson", "GeoJSON"),
        (b"\xff", "geojson", "UTF-8"),
        (b"PK", "zip", "no ZIP"),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(data, kind, words):
    with pytest.raises(NoTable, match=words):
        list(read_lines(data, kind, lambda *_: None))


def test_a_parquet_of_floats_with_gaps_as_pandas_writes_it_is_read():
    import pandas as pd

    out = io.BytesIO()
    table = {
        "Slide": ["s", "s"],
        "x_px0": [0, 299],
        "y_px0": [0, 0],
        "reader": ["Ada"] * 2,
        "steatosis": [2.0, None],
        "ballooning": [None, 0.5],
    }
    pd.DataFrame(table).to_parquet(out)
    first, second = read_lines(out.getvalue(), "parquet", lambda *_: None)
    assert record_of(first.fields).grades == Grades(steatosis=2)
    with pytest.raises(LineProblem, match="whole number"):
        record_of(second.fields)


def test_a_shape_that_is_no_patch_is_named_by_its_feature_number():
    square = json.loads(
        write_records([LabelRecord("s", 0, 0, "Ada", Grades(steatosis=1))], "geojson", lambda *_: SQUARE)
    )
    feature = square["features"][0]
    odd = json.loads(json.dumps(feature))
    odd["geometry"]["coordinates"][0][1] = [5, 7]
    square["features"] = [feature, odd, {"geometry": None}, 7]
    lines = list(read_lines(json.dumps(square).encode(), "geojson", lambda *_: SQUARE))
    assert [(line.number, bool(line.problem)) for line in lines] == [(1, False), (2, True), (3, True), (4, True)]


def test_an_ending_no_label_file_has_is_refused():
    assert kind_of("C:\\x\\Labels.CSV") == "csv"
    with pytest.raises(LabError, match=r"\.parquet"):
        kind_of("labels.xlsx")
