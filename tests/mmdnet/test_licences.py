"""The list of licences is that of today's pins, and none asks for the GPL."""

import importlib.metadata
import json
import re

import pytest

from mmdnet.licences import PROGRAM, ROOT, Licence, asks_for_gpl, licence_named, pinned, sbom

LISTED = re.compile(r"^\| (\S+) \| (\S+) \| (.+) \|$", re.MULTILINE)
ROWS = [row for row in LISTED.findall((ROOT / "docs" / "licences.md").read_text()) if row[0] not in ("package", "---")]


def test_every_pin_is_listed_with_its_version():
    pins = pinned((ROOT / "requirements.txt").read_text())
    assert sorted((package, version) for package, version, _ in ROWS) == sorted(pins)


def test_what_is_listed_is_what_the_packages_say():
    for package, _, licence in ROWS:
        try:
            assert licence_named(package) == licence
        except importlib.metadata.PackageNotFoundError:
            continue  # of another system


def test_no_package_the_program_runs_with_asks_for_the_gpl():
    assert [package for package, _, licence in ROWS if asks_for_gpl(licence)] == []


@pytest.mark.parametrize(
    ("licence", "asks"),
    [
        ("GPL-3.0-only", True),
        ("MIT AND AGPL-3.0-or-later", True),
        ("GNU General Public License v3 (GPLv3)", True),
        ("LGPL-3.0-only", False),
        ("BSD-1-Clause AND (BSD-3-Clause OR GPL-2.0-only) AND LGPL-2.1-only", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("MIT", False),
    ],
)
def test_a_choice_beside_the_gpl_does_not_ask_for_it(licence, asks):
    assert asks_for_gpl(licence) == asks


def test_the_bill_of_materials_names_every_package_once_with_its_address():
    told = json.loads(sbom([Licence(*row) for row in ROWS]))
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert len(told["components"]) == len(ROWS) > 50
    of = {component["name"]: component for component in told["components"]}
    assert of["PyYAML" if "PyYAML" in of else "pyyaml"]["purl"].startswith("pkg:pypi/pyyaml@")
    assert all(component["licenses"][0]["license"]["name"] for component in told["components"])
    (needs,) = told["dependencies"]
    assert needs["ref"] == PROGRAM and needs["dependsOn"] == [component["bom-ref"] for component in told["components"]]


def test_the_program_has_the_licence_it_names():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()
