"""No module imports itself by way of others, not inside a function, not for a type; and every folder fits in the head."""

from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

PACKAGES = ("mmdnet", "db", "ui")

ROOT = Path(__file__).parent.parent

# Modules that one folder may hold, its marker aside.
LARGEST_FOLDER = 18


def imports() -> dict[str, set[str]]:
    """Of every module, the modules of ours that it imports anywhere."""
    graph = grimp.build_graph(*PACKAGES)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def first_circle(imported: dict[str, set[str]]) -> list[str]:
    """The modules of one circle, each importing the one before; empty where there is none."""
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_modules_import_each_other_in_a_circle():
    assert first_circle(imports()) == []


@pytest.mark.parametrize("added", [("mmdnet.errors", "mmdnet.workflows.lab"), ("ui.shell.session", "ui.report.report")])
def test_a_circle_would_be_found(added):
    imported = imports()
    before, after = added
    imported[before] = imported[before] | {after}
    assert set(added) <= set(first_circle(imported))


def test_no_folder_of_the_core_or_the_pages_parts_is_a_flat_heap():
    modules = (path for top in ("mmdnet", "ui") for path in (ROOT / top).rglob("*.py") if path.name != "__init__.py")
    held = Counter(path.parent.relative_to(ROOT) for path in modules)
    assert {str(folder): number for folder, number in held.items() if number > LARGEST_FOLDER} == {}
