"""DICOM files read back by GDCM, which shares no code with what wrote them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from pydicom.datadict import keyword_for_tag

NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
Item = dict[str, list]  # by keyword the values, or the items of a sequence


def read_back(data: bytes, folder: Path) -> Item:
    """A DICOM file's data set by GDCM's `gdcmxml`: values as text, items of sequences as data sets."""
    (folder / "object.dcm").write_bytes(data)
    command = [Path(sys.executable).parent / "gdcmxml", "-B", "-i", "object.dcm", "-o", "object.xml"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return _data_set(ElementTree.parse(folder / "object.xml").getroot())


def _data_set(node: ElementTree.Element) -> Item:
    attributes = node.findall(f"{NATIVE}DicomAttribute")
    return {keyword_for_tag(int(each.get("tag", "0"), 16)): _values(each) for each in attributes}


def _values(attribute: ElementTree.Element) -> list:
    items = [_data_set(item) for item in attribute.findall(f"{NATIVE}Item")]
    names = ["^".join(part.text or "" for part in name.iter() if part.text and part.text.strip())
             for name in attribute.findall(f"{NATIVE}PersonName")]  # fmt: skip
    return items or names or [(value.text or "").strip() for value in attribute.findall(f"{NATIVE}Value")]


def code(items: list) -> tuple[str, str, str]:
    """Value, scheme and meaning of the one code in a sequence."""
    (item,) = items
    return tuple(item[name][0] for name in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"))


def content(item: Item) -> Iterator[tuple[str, str, str]]:
    """The leaves of a structured report's tree, depth first: kind of value, its name in words, and the value."""
    for child in item.get("ContentSequence", []):
        (kind,), name = child["ValueType"], code(child["ConceptNameCodeSequence"])[2]
        match kind:
            case "CODE":
                yield kind, name, code(child["ConceptCodeSequence"])[2]
            case "NUM":
                yield kind, name, child["MeasuredValueSequence"][0]["NumericValue"][0]
            case "TEXT" | "UIDREF" | "PNAME":
                yield kind, name, child[{"TEXT": "TextValue", "UIDREF": "UID", "PNAME": "PersonName"}[kind]][0]
            case "IMAGE":
                yield kind, name, child["ReferencedSOPSequence"][0]["ReferencedSOPInstanceUID"][0]
        yield from content(child)
