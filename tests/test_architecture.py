"""No module imports itself by way of others: not when it is loaded, not inside a function, not for a type."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

PACKAGES = ("mmdnet", "db", "ui")


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
