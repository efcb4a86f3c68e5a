"""Label files: CSV, JSON lines, Parquet and QuPath GeoJSON, out and in again, exactly.

A file is read into lines, good or bad, each with its number; what a line means is `records`' business. GeoJSON holds
one slide, since QuPath opens one image at a time; a ZIP holds one GeoJSON per slide.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mmdnet.errors import LabError
from mmdnet.geojson import WHOLE_SLIDE, Feature, Region, box, collection, measurements_of, parse_features, to_geojson
from mmdnet.labels.grading import TASK_NAMES, TASKS
from mmdnet.labels.records import COLUMNS, FLAGS, NEEDED, LabelRecord, LineProblem
from mmdnet.tables import LARGEST_BYTES, Line, NoTable, checked_archive, counted, read_rows, to_csv

KINDS = {"csv": "CSV", "parquet": "Parquet", "jsonl": "JSON lines", "geojson": "QuPath GeoJSON", "zip": "QuPath, ZIP"}
COUNTED = {"csv": "line", "jsonl": "line", "parquet": "row", "geojson": "feature", "zip": "feature"}
_SUFFIXES = {"csv": "csv", "txt": "csv", "parquet": "parquet", "jsonl": "jsonl", "ndjson": "jsonl"}
_SUFFIXES |= {"geojson": "geojson", "json": "geojson", "zip": "zip"}


@dataclass(frozen=True, slots=True)
class Square:
    """Where QuPath sees a slide's patches: the corner of its image in level-0 pixels, and a patch's sides."""

    left_px0: int
    top_px0: int
    width_px0: int
    height_px0: int


SquareOf = Callable[[str, str], Square | None]
"""Where QuPath sees the patches of the slide of this name and fingerprint; None where that is not known."""


def kind_of(name: str) -> str:
    """csv, parquet, jsonl, geojson or zip, by the file's ending.

    Raises:
        LabError: another ending.
    """
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower().lstrip(".")
    if suffix not in _SUFFIXES:
        raise LabError(f"Labels are kept in files ending in {', '.join(f'.{kind}' for kind in KINDS)}, not {name}.")
    return _SUFFIXES[suffix]


def write_records(records: Sequence[LabelRecord], kind: str, square_of: SquareOf) -> bytes:
    """A file of these labels.

    Args:
        square_of: asked for `geojson` and `zip`; must know every slide.

    Raises:
        LabError: there is no such kind of file, or a GeoJSON would hold more than one slide.
    """
    if kind == "csv":
        return to_csv(COLUMNS, map(_cells, records)).encode()
    if kind == "jsonl":
        return "".join(json.dumps(record.fields(), ensure_ascii=False) + "\n" for record in records).encode()
    if kind == "parquet":
        return _to_parquet(records)
    slides = list(dict.fromkeys((record.slide, record.fingerprint) for record in records))
    if kind == "geojson":
        if len(slides) > 1:
            raise LabError(
                f"A GeoJSON holds the labels of one slide, and these are of {len(slides)}. "
                "Choose one slide, or write a .zip with one file for each."
            )
        return _to_geojson(records, square_of)
    if kind == "zip":
        return _to_zip(records, slides, square_of)
    raise LabError(f"There is no label file called {kind}. Known are {', '.join(KINDS)}.")


def read_lines(data: bytes, kind: str, square_of: SquareOf, slide: str = "") -> Iterator[Line]:
    """The lines of a file, good or bad, as they are read.

    Args:
        square_of: asked for `geojson` and `zip`.
        slide: the slide a GeoJSON is of, where it does not say.

    Raises:
        NoTable: it cannot be read as a whole.
    """
    if kind in ("csv", "parquet"):
        return read_rows(data, kind, _check_columns)
    if len(data) > LARGEST_BYTES:
        raise NoTable(f"is larger than {LARGEST_BYTES // 2**20} MB; import it in parts")
    if kind == "jsonl":
        return counted(_jsonl_lines(data))
    if kind == "geojson":
        return counted(_features(data, square_of, slide))
    return counted(_zip_features(data, square_of))


def _cells(record: LabelRecord) -> dict[str, object]:
    return {**record.fields(), **{name: int(getattr(record, name)) for name in FLAGS}}


def _check_columns(names: Sequence[str]) -> None:
    missing = [name for name in NEEDED if name not in names]
    twice = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if missing:
        raise NoTable(f"has no column {', '.join(missing)}")
    if not set(names) & {*TASK_NAMES, "ignored"}:
        raise NoTable(f"has none of the columns {', '.join(TASK_NAMES)}")
    if twice:
        raise NoTable(f"has the column {', '.join(twice)} twice")


def _jsonl_lines(data: bytes) -> Iterator[Line]:
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not raw.strip():
            continue
        try:
            fields = json.loads(raw.decode("utf-8"))
        except UnicodeDecodeError:
            yield Line(number, {}, "is not UTF-8 text; save the whole file as UTF-8")
        except (ValueError, RecursionError):
            yield Line(number, {}, "is no JSON")
        else:
            good = isinstance(fields, dict)
            yield Line(number, fields if good else {}, None if good else "is no JSON object with one label's fields")


def _to_parquet(records: Sequence[LabelRecord]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"slide": pa.string(), "x_px0": pa.int64(), "y_px0": pa.int64(), "reader": pa.string()}
    types |= {name: pa.int8() for name in TASK_NAMES} | {name: pa.bool_() for name in FLAGS}
    types |= {"at": pa.string(), "fingerprint": pa.string()}
    schema = pa.schema([(name, types[name]) for name in COLUMNS])
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([record.fields() for record in records], schema=schema), out)
    return out.getvalue()


def _to_geojson(records: Sequence[LabelRecord], square_of: SquareOf) -> bytes:
    """Labels of one slide; those whose patches' place is not known are left out."""
    square = square_of(records[0].slide, records[0].fingerprint) if records else None
    if square is None:
        return collection([]).encode()
    regions = [_region(record, square) for record in records]
    return to_geojson((square.left_px0, square.top_px0), regions).encode()


def _region(record: LabelRecord, square: Square) -> Region:
    fields = {name: str(int(value)) if isinstance(value, bool) else value for name, value in record.fields().items()}
    return Region(
        (box(record.x_px0, record.y_px0, square.width_px0, square.height_px0),),
        label=_short(record),
        name=f"{record.reader}: {_short(record)}",
        measurements={name: grade for name, grade in record.grades.items() if grade is not None},
        metadata={name: fields[name] for name in ("slide", "reader", *FLAGS, "at", "fingerprint")},
    )


def _short(record: LabelRecord) -> str:
    if record.ignored:
        return "ignored"
    known = [f"{task.letter}{record.grades[task.name]}" for task in TASKS if record.grades[task.name] is not None]
    return " ".join(known) or "unknown"


def _features(data: bytes, square_of: SquareOf, slide: str, file: str = "") -> Iterator[Line]:
    try:
        features = parse_features(data)
    except UnicodeDecodeError:
        raise NoTable("is not UTF-8 text; export it from QuPath again") from None
    except ValueError as error:
        raise NoTable("is no GeoJSON feature collection; export it from QuPath again") from error
    for number, feature in enumerate(features, start=1):
        try:
            yield Line(number, _fields(feature, square_of, slide), file=file)
        except LineProblem as problem:
            yield Line(number, {}, str(problem), file)
        except (KeyError, TypeError, AttributeError, IndexError, ValueError):
            yield Line(number, {}, "is no square with a label as this program writes it", file)


def _fields(feature: Feature, square_of: SquareOf, slide: str) -> dict[str, object]:
    properties = feature["properties"]
    fields = {name: value for name, value in dict(properties.get("metadata") or {}).items() if name in COLUMNS}
    measured = measurements_of(properties)
    fields |= {name: measured[name] for name in TASK_NAMES if name in measured}
    fields.setdefault("slide", slide)
    if feature["geometry"]["type"] != "Polygon":
        raise LineProblem("is no square: labels are squares of patches")
    (ring,) = feature["geometry"]["coordinates"]
    across, down = {point[0] for point in ring}, {point[1] for point in ring}
    if len(across) != 2 or len(down) != 2:
        raise LineProblem("is no square: labels are squares of patches")
    square = square_of(str(fields["slide"]), str(fields.get("fingerprint", "")))
    left, top = (square.left_px0, square.top_px0) if square else WHOLE_SLIDE
    return fields | {"x_px0": min(across) + left, "y_px0": min(down) + top}


def _to_zip(records: Sequence[LabelRecord], slides: Sequence[tuple[str, str]], square_of: SquareOf) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (slide, mark) in enumerate(slides, start=1):
            name = "".join(letter if letter.isalnum() or letter in "-_. " else "_" for letter in slide)
            member = zipfile.ZipInfo(f"{number:03d} {name}.geojson")  # its own fixed date: same labels, same bytes
            own = [record for record in records if (record.slide, record.fingerprint) == (slide, mark)]
            archive.writestr(member, _to_geojson(own, square_of), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _zip_features(data: bytes, square_of: SquareOf) -> Iterator[Line]:
    with checked_archive(data) as archive:
        members = [member for member in archive.infolist() if member.filename.lower().endswith(".geojson")]
        if not members:
            raise NoTable("holds no .geojson file")
        for member in members:
            try:
                content = archive.read(member)
            except Exception:  # a damaged member ends in many ways, as a damaged directory does
                yield Line(1, {}, "is damaged, or packed in a way that cannot be read", member.filename)
                continue
            try:
                yield from _features(content, square_of, "", member.filename)
            except NoTable as problem:
                yield Line(problem.line, {}, str(problem), member.filename)
