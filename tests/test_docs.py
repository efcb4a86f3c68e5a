"""What the documents name in code is there: paths, modules and what is in them, names, options of the command line."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
TOPS = ("mmdnet", "db", "ui", "pages", "benchmarks", "tests", "docs", "models", "deploy")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)")
PATH = re.compile(rf"(?:{'|'.join(TOPS)})(?:/[\w.-]+)*/?(?:\.\w+)?")
DOTTED = re.compile(r"(?:mmdnet|db|ui|pages|benchmarks|tests)(?:\.\w+)+")
NAME = re.compile(r"[A-Za-z]\w{2,}(?:\.\w+)*(?:\(\))?")
BUILT = {"validation_accuracy_holds_ignored"}  # put together from words that stand apart in the code
OPTION = re.compile(r"--([a-z][\w-]+)")


@cache
def words_of_the_code() -> frozenset[str]:
    """Every word of the files under version control, the documents aside."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = [
        (ROOT / name).read_text(errors="ignore")
        for name in listed.split("\0")
        if name.endswith((".py", ".js", ".css", ".j2", ".toml", ".txt", ".json")) and (ROOT / name).is_file()
    ]
    return frozenset(re.findall(r"\w+", " ".join(texts)))


def spans(document: Path) -> set[str]:
    """What stands between backticks in a document."""
    return set(CODE.findall(document.read_text()))


def names_in(module: Path) -> set[str]:
    """What can be reached in a module by its name: definitions, what is assigned, what is imported."""
    tree = ast.parse(module.read_text())
    defined = {n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)}
    assigned = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    imported = {
        alias.asname or alias.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names
    }
    return defined | assigned | imported


def resolves(dotted: str) -> bool:
    """Say whether a dotted name is a package, a module, or something in a module."""
    parts = dotted.split(".")
    place = ROOT
    for number, part in enumerate(parts):
        module = place / f"{part}.py"
        if module.is_file():
            return set(parts[number + 1 :]) <= names_in(module)
        place /= part
        if not place.is_dir():
            return number > 0 and set(parts[number:]) <= names_in(place.parent / "__init__.py")
    return True


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
class TestDocument:
    def test_its_paths_and_links_are_there(self, document: Path) -> None:
        paths = {span for span in spans(document) if "/" in span and PATH.fullmatch(span) and "NAME" not in span}
        assert sorted(path for path in paths if not (ROOT / path).exists()) == []
        links = {link for link in LINK.findall(document.read_text()) if "://" not in link}
        assert sorted(link for link in links if not (document.parent / link).exists()) == []

    def test_its_modules_and_what_it_names_in_them_are_there(self, document: Path) -> None:
        dotted = {span.removesuffix("()") for span in spans(document) if DOTTED.fullmatch(span.removesuffix("()"))}
        assert sorted(name for name in dotted if not resolves(name)) == []

    def test_its_names_stand_in_the_code(self, document: Path) -> None:
        names = {span for span in spans(document) if NAME.fullmatch(span) and not DOTTED.fullmatch(span)} - BUILT
        words = words_of_the_code()
        missing = {name for name in names if not set(re.findall(r"\w+", name)) <= words}
        assert sorted(missing) == []

    def test_its_options_stand_in_the_code(self, document: Path) -> None:
        options = {option for span in spans(document) for option in OPTION.findall(span)}
        words = words_of_the_code()
        missing = {option for option in options if not {option.replace("-", "_"), *option.split("-")} & words}
        assert sorted(missing) == []


def test_the_picture_of_the_house_in_the_readme_is_true() -> None:
    """What stands in it is there, and every folder and module of the package stands in it."""
    picture = (ROOT / "README.md").read_text().split("```")[-2]
    entries = re.findall(r"^( {4})?([\w.]+)/? ", picture, re.MULTILINE)
    assert [name for indent, name in entries if not (ROOT / ("mmdnet" if indent else "") / name).exists()] == []
    named = {name.removesuffix("/") for name in re.findall(r"\w+(?:/|\.py)", picture)}
    there = {path.name for top in TOPS for path in (ROOT / top).rglob("*")} | {path.name for path in ROOT.iterdir()}
    assert sorted(named - there) == []
    package = ROOT / "mmdnet"
    parts = {path.parent.name for path in package.glob("*/__init__.py")} | {m.name for m in package.glob("[a-z]*.py")}
    assert sorted(parts - named) == []


def test_every_command_stands_in_the_readme_and_every_benchmark_of_a_document_is_there() -> None:
    from benchmarks.__main__ import GROUPS, names
    from mmdnet.cli import app

    _, _, table = (ROOT / "README.md").read_text().partition("| for | commands |")
    listed = CODE.findall(table.partition("\n\n")[0])
    commands = {
        each.name or str(getattr(each.callback, "__name__", "")).replace("_", "-") for each in app.registered_commands
    }
    assert sorted(listed) == sorted(commands | {str(group.name) for group in app.registered_groups})
    named = {
        name for path in DOCUMENTS for name in re.findall(r"python -m\s+benchmarks ([a-z][\w-]*)", path.read_text())
    }
    assert named <= {*names(), *GROUPS, "all"}


def test_a_name_that_is_not_there_is_found() -> None:
    assert resolves("mmdnet.labels.grading.TASKS") and resolves("mmdnet.workflows.scoring")
    assert not resolves("mmdnet.labels.worth") and not resolves("mmdnet.labels.grading.WORTH")


def test_decisions_are_numbered_without_gaps_or_doubles() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    for name in names:
        assert (ROOT / "docs" / "decisions" / name).read_text().startswith(f"# {int(name[:4])}. ")
