"""Tables as files: CSV, XLSX and Parquet, out and in again, exactly; the one place where they are written and read.

A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@` as a formula (OWASP: CSV injection), and what a slide
file or a reader is called stands in such cells. In CSV an apostrophe goes in front of every place where one could
begin, and `read_rows` takes it away again; in XLSX the cell is text by its type. Only text is touched: numbers stay.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmdnet.errors import LabError

KINDS = ("csv", "xlsx", "parquet")
MOST_ROWS = 500_000  # of one file that is read
MOST_COLUMNS = 200
LONGEST_CELL = 32_767  # letters, as many as a spreadsheet's cell holds
LARGEST_BYTES = 512 * 2**20
BATCH_ROWS = 2_000

# Where a cell begins, also for a spreadsheet that cuts at semicolons or takes a quoted line break for a new row.
_SIGNS = "=+\\-@＝＋－＠"
_FORMULA = re.compile(rf"(?:^|(?<=[;\t\r\n]))(?='*[{_SIGNS}])|^(?='*[\t\r\n])")
_APOSTROPHE = re.compile(rf"(?:^|(?<=[;\t\r\n]))'(?='*[{_SIGNS}])|^'(?='*[\t\r\n])")

# What XML cannot hold or changes is spelt _xHHHH_ in a workbook (ISO/IEC 29500-1, 22.9.2.19); openpyxl's own helper
# leaves out U+001A to U+001F.
_UNWRITTEN = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_SPELT = re.compile(r"_x([0-9A-Fa-f]{4})_")

Check = Callable[[Sequence[str]], None]
"""Told the names of a table's columns, in small letters; raises `NoTable` where they will not do."""


class NoTable(LabError):
    """The file as a whole cannot be read; `line` is where that was seen. Reads on from the file's name."""

    def __init__(self, problem: str, line: int = 1) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: its fields, or what is wrong with it. `file` names the member of an archive."""

    number: int
    fields: Mapping[str, object]
    problem: str | None = None
    file: str = ""


def as_text(value: object) -> object:
    """A cell of a CSV that is only ever data: nothing is empty, and no text starts a formula."""
    if isinstance(value, str):
        return _FORMULA.sub("'", value)
    return "" if value is None else value


def from_text(cell: str) -> str:
    """What `as_text` was given."""
    return _APOSTROPHE.sub("", cell)


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A table as comma-separated text (RFC 4180) with one header line; empty is unknown. Rows may lack columns.

    Raises:
        ValueError: a row has a column that is not named.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writerow({name: as_text(name) for name in columns})
    for row in rows:
        writer.writerow({name: as_text(value) for name, value in row.items()})
    return text.getvalue()


def to_xlsx(columns: Sequence[str], rows: Iterable[Mapping[str, object]], title: str = "Table") -> bytes:
    """A table as a workbook of one sheet, its first row fixed; text stays text, whatever it begins with."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", title)[:31])
    sheet.freeze_panes = "A2"

    def cell(value: object) -> object:
        if not isinstance(value, str):
            return value
        made = WriteOnlyCell(sheet, _UNWRITTEN.sub(_spelt, value)[:LONGEST_CELL])
        made.data_type = "s"  # openpyxl itself would take "=1" for a formula
        made.quotePrefix = bool(_FORMULA.search(value))  # nor does it become one when a person edits the cell
        return made

    sheet.append([cell(name) for name in columns])
    for row in rows:
        sheet.append([cell(row.get(name)) for name in columns])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def to_parquet(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """A table as Parquet: numbers stay numbers, a column without any value is text, empty is null.

    Raises:
        pyarrow.ArrowInvalid: a column holds both text and numbers.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    given = list(rows)
    cells = {name: pa.array([row.get(name) for row in given]) for name in columns}
    named = {name: cell.cast(pa.string()) if pa.types.is_null(cell.type) else cell for name, cell in cells.items()}
    out = io.BytesIO()
    pq.write_table(pa.table(named), out)
    return out.getvalue()


def read_rows(data: bytes, kind: str, check: Check = lambda names: None) -> Iterator[Line]:
    """The lines of a table, good or bad, a few at a time; names of columns are in small letters.

    Args:
        kind: csv, xlsx or parquet.
        check: told the columns before any line is read.

    Raises:
        NoTable: it cannot be read as a whole, or is too large: `MOST_ROWS` rows.
    """
    if len(data) > LARGEST_BYTES:
        raise NoTable(f"is larger than {LARGEST_BYTES // 2**20} MB; bring it in parts")
    read = {"csv": _csv_rows, "xlsx": _xlsx_rows, "parquet": _parquet_rows}[kind]
    return counted(read(data, check))


def counted(lines: Iterable[Line], most: int | None = None) -> Iterator[Line]:
    """The same lines, as far as one file may go: `MOST_ROWS`, if not said otherwise.

    Raises:
        NoTable: there are more.
    """
    most = MOST_ROWS if most is None else most
    for count, line in enumerate(lines):
        if count >= most:
            raise NoTable(f"has more than {most:,} rows; bring it in parts", line.number)
        yield line


def checked_archive(data: bytes, kind: str = "ZIP file") -> zipfile.ZipFile:
    """A ZIP file in memory whose directory can be read and whose members are not larger than they may be.

    `kind` is what people call such a file.

    Raises:
        NoTable: it is none, or holds too much.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # a damaged directory ends in struct.error, ValueError, IndexError and others, too
        raise NoTable(f"is no {kind} that can be read") from error
    if sum(member.file_size for member in archive.infolist()) > LARGEST_BYTES:
        raise NoTable(f"holds more than {LARGEST_BYTES // 2**20} MB; bring it in parts")
    return archive


def _spelt(match: re.Match[str]) -> str:
    return f"_x{ord(match[0]):04X}_"


def _names(header: Iterable[object], check: Check) -> list[str]:
    names = [from_text(str("" if name is None else name)).strip().lower() for name in header]
    if len(names) > MOST_COLUMNS:
        raise NoTable(f"has more than {MOST_COLUMNS} columns")
    check(names)
    return names


def _csv_rows(data: bytes, check: Check) -> Iterator[Line]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NoTable("is UTF-16 text; save the table as CSV UTF-8")
    content = data.decode("utf-8-sig", errors="surrogateescape")  # what is no UTF-8 is told line by line
    if not content.strip():
        raise NoTable("is empty")
    header = content.split("\n", 1)[0]
    mark = max(",;\t", key=header.count)
    table = csv.reader(io.StringIO(content, newline=""), delimiter=mark, strict=True)
    number = 0
    try:
        names = _names(next(table, []), check)
        number = 1
        for number, cells in enumerate(table, start=2):  # as spreadsheets count: a cell may hold line breaks
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                why = "; a decimal comma or an unquoted comma shifts them" if len(cells) > len(names) else ""
                yield Line(number, {}, f"has {len(cells)} cells where the header has {len(names)}{why}")
            else:
                yield Line(number, dict(zip(names, map(from_text, cells), strict=True)))
    except csv.Error as error:
        yield Line(number + 1, {}, f"is no CSV from here on ({error}); nothing below it was read")


def _xlsx_rows(data: bytes, check: Check) -> Iterator[Line]:
    """The first sheet. Formulas count as what they last came to."""
    from openpyxl import load_workbook

    checked_archive(data, "XLSX workbook").close()
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size is a claim
        rows = sheet.iter_rows(max_col=MOST_COLUMNS + 1, values_only=True)
        header = list(next(rows, ()))
        while header and header[-1] is None:
            header.pop()
        names = _names(header, check)
        for number, cells in enumerate(rows, start=2):
            values = [
                _SPELT.sub(lambda match: chr(int(match[1], 16)), value) if isinstance(value, str) else value
                for value in cells
            ]
            if all(value is None for value in values):
                continue
            if any(value is not None for value in values[len(names) :]):
                yield Line(number, {}, f"has more cells than the header, which has {len(names)}")
            else:
                yield Line(number, dict(zip(names, [*values, *[None] * (len(names) - len(values))], strict=False)))
    except NoTable:
        raise
    except Exception as error:  # a damaged workbook ends in whatever its XML, its ZIP or its styles end in
        raise NoTable("is no XLSX workbook that can be read; save it again from the spreadsheet") from error


def _parquet_rows(data: bytes, check: Check) -> Iterator[Line]:
    """Rows in batches; a text that stands a million times in a few bytes is kept once, by its dictionary."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(io.BytesIO(data))
        texts = [column.name for column in schema if pa.types.is_string(column.type) or pa.types.is_binary(column.type)]
        file = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts)
        if file.metadata.num_rows > MOST_ROWS:
            raise NoTable(f"has {file.metadata.num_rows:,} rows, more than {MOST_ROWS:,}; bring it in parts")
        names = _names(schema.names, check)
        for number, batch in enumerate(file.iter_batches(BATCH_ROWS)):
            _refuse_long_texts(batch)
            rows = batch.rename_columns(names).to_pylist()
            yield from (Line(number * BATCH_ROWS + count, row) for count, row in enumerate(rows, start=1))
    except (pa.ArrowException, OSError, ValueError, KeyError, zlib.error) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise NoTable(f"is no Parquet file that can be read ({said[:120]})") from error


def _refuse_long_texts(batch: object) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    for column in batch.columns:  # type: ignore[attr-defined]
        if pa.types.is_dictionary(column.type) and len(column.dictionary):
            longest = pc.max(pc.binary_length(column.dictionary)).as_py()
            if (longest or 0) > LONGEST_CELL:
                raise NoTable(f"has a text of {longest:,} bytes in one cell; {LONGEST_CELL:,} is the most")


def markdown_text(text: str) -> str:
    """Text that a person or a file brought, as Markdown shows it letter by letter, on one line: for a table's cell."""
    return re.sub(r"([\\`*_{}\[\]()<>#|~$!&])", r"\\\1", " ".join(text.split()))
