"""Tables: what goes out comes in again exactly, no cell is ever a formula, and no file takes the machine with it."""

import csv
import io
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet import tables
from mmdnet.tables import KINDS, NoTable, as_text, checked_archive, from_text, markdown_text, read_rows, to_csv, to_xlsx

SIGNS = "=+-@＝＋－＠"
spiced = st.text(st.sampled_from("=+-@'＝＠;\t\r\n\"a, 1") | st.characters(exclude_categories=("Cs",)), max_size=12)


@given(spiced)
def test_text_comes_back_from_a_cell_exactly(text):
    assert from_text(as_text(text)) == text


@given(spiced, st.sampled_from([",", ";", "\t"]))
def test_no_cell_starts_a_formula_wherever_a_spreadsheet_cuts(text, mark):
    written = to_csv(["name"], [{"name": text}])
    for row in csv.reader(io.StringIO(written, newline=""), delimiter=mark):
        for cell in row:
            assert not cell.startswith((*SIGNS, "\t", "\r", "\n")), written


def test_numbers_stay_numbers_and_nothing_is_empty():
    assert to_csv(["a", "b"], [{"a": -1.5, "b": None}, {"b": "-1"}]) == "a,b\r\n-1.5,\r\n,'-1\r\n"


@settings(max_examples=12)
@given(st.lists(spiced.filter(lambda text: text.strip() != ""), min_size=1, max_size=5))
def test_rows_come_back_from_a_workbook_as_text(texts):
    data = to_xlsx(["name", "n"], [{"name": text, "n": count} for count, text in enumerate(texts)])
    assert [line.fields for line in read_rows(data, "xlsx")] == [
        {"name": text, "n": count} for count, text in enumerate(texts)
    ]
    sheet = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet


def test_rows_are_numbered_as_a_spreadsheet_shows_them():
    table = b'a,b\n"1\n2",x\n\n3,y,z\n"4'
    assert [(line.number, line.problem is None) for line in read_rows(table, "csv")] == [
        (2, True),
        (4, False),
        (5, False),
    ]


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"", "csv", "is empty"),
        (b"\xef\xbb\xbf \n", "csv", "is empty"),
        (b"", "xlsx", "no XLSX"),
        (b"PK\3\4", "xlsx", "no XLSX"),
    ],
)
def test_a_file_without_a_table_is_called_what_it_is(data, kind, words):
    with pytest.raises(NoTable, match=words):
        list(read_rows(data, kind))


def test_a_parquet_of_a_million_rows_in_a_few_bytes_is_refused_before_it_is_read():
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table({"slide": pa.DictionaryArray.from_arrays(np.zeros(1_000_000, "int32"), ["s"])}), out)
    tracemalloc.start()
    with pytest.raises(NoTable, match="1,000,000 rows"):
        list(read_rows(out.getvalue(), "parquet"))
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_a_parquet_with_huge_texts_in_a_few_bytes_is_refused():
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table({"slide": pa.DictionaryArray.from_arrays(pa.array([0] * 50_000), ["s" * 1_000_000])}), out)
    with pytest.raises(NoTable, match="1,000,000 bytes in one cell"):
        list(read_rows(out.getvalue(), "parquet"))


@pytest.mark.parametrize("kind", KINDS)
def test_lines_beyond_the_most_are_refused(kind, monkeypatch):
    import pandas as pd

    monkeypatch.setattr(tables, "MOST_ROWS", 3)
    rows = [{"a": count} for count in range(4)]
    out = io.BytesIO()
    pd.DataFrame(rows).to_parquet(out)
    data = {"csv": to_csv(["a"], rows).encode(), "xlsx": to_xlsx(["a"], rows), "parquet": out.getvalue()}[kind]
    with pytest.raises(NoTable, match="more than 3"):
        list(read_rows(data, kind))


def test_a_damaged_zip_is_a_sentence_whichever_byte_is_wrong():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("é.geojson", "{}")
    whole = out.getvalue()
    for place in range(len(whole)):
        for value in (0, 255):
            damaged = whole[:place] + bytes([value]) + whole[place + 1 :]
            try:
                checked_archive(damaged).close()
            except NoTable as refusal:
                assert str(refusal)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_workbook_is_a_sentence(place, value):
    whole = to_xlsx(["a"], [{"a": "text"}, {"a": 5}])
    place %= len(whole)
    try:
        list(read_rows(whole[:place] + bytes([value]) + whole[place + 1 :], "xlsx"))
    except NoTable as refusal:
        assert "XLSX" in str(refusal) or "ZIP" in str(refusal) or "column" in str(refusal)


def test_parquet_keeps_numbers_and_columns_without_a_value():
    rows = [{"name": "=1", "number": 2.5}, {"name": None, "number": None}]
    data = tables.to_parquet(("name", "number", "nothing"), rows)
    assert [dict(line.fields) for line in tables.read_rows(data, "parquet")] == [
        {"name": "=1", "number": 2.5, "nothing": None},
        {"name": None, "number": None, "nothing": None},
    ]


def test_a_text_in_markdown_is_one_line_and_no_markup():
    assert markdown_text("A | *bold*\n<model> $x$ ![](http://a)") == (
        "A \\| \\*bold\\* \\<model\\> \\$x\\$ \\!\\[\\]\\(http://a\\)"
    )
