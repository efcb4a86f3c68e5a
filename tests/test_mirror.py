"""Every module has a test file of its own name in the mirrored place, and every test file mirrors a module."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOPS = ("mmdnet", "db", "ui", "pages")

# A package marker says what a folder is and does no work.
MARKER_LINES = 15

# Modules without a test file of their name, each with why it needs none. At most fifteen.
EXCUSED: dict[str, str] = {
    "mmdnet/__main__.py": "two lines that call the command line; test_cli starts it as a process",
    "mmdnet/errors.py": "one exception without behaviour; every refusal's test raises it",
    "mmdnet/nn/kinds.py": "names of choices alone; test_config holds each to its title",
    "mmdnet/nn/outputs.py": "records alone; test_mmdnet makes and reads each",
    "mmdnet/simulate/__init__.py": "the package's names alone",
    "mmdnet/workflows/views.py": "records alone, but for one property that test_jobs asks",
    "db/account_models.py": "tables alone; test_engine holds them to the migrations, test_accounts fills them",
    "mmdnet/workflows/training/views.py": "records alone; test_training and test_train read each",
    "mmdnet/workflows/labelling/agreement_views.py": "records alone; test_agreement and test_reviews read each",
    "mmdnet/augment/provenance.py": "records alone; augmenting/test_augmenting writes and reads each",
    "mmdnet/workflows/augmenting/views.py": "records alone; test_augmenting and the page's tests read each",
    "mmdnet/slides/measures/droplet_weights.py": "numbers alone; test_droplet_parts holds their shape to the features",
    "mmdnet/slides/readers/source.py": "a protocol alone; every source is tested by its own file",
}

# Tests of how modules work together, which mirror no single one.
ACROSS: dict[str, str] = {
    "tests/test_statements.py": "how often use cases of every page ask the database",
    "tests/db/test_labels_postgres.py": "the label rows on PostgreSQL",
    "tests/mmdnet/jobs/test_postgres.py": "the queue on PostgreSQL",
    "tests/mmdnet/jobs/test_training_survives.py": "queue, supervisor, worker and training together",
    "tests/mmdnet/reports/test_real_slide.py": "a report of a public slide",
    "tests/mmdnet/simulate/test_look.py": "what a whole simulated slide looks like",
    "tests/mmdnet/slides/test_bad_files.py": "broken slide files through every reader",
    "tests/mmdnet/workflows/test_readings_postgres.py": "two readers at once on PostgreSQL",
    "tests/mmdnet/workflows/test_whole_way.py": "the whole way from a slide to a signed report",
    "tests/pages/test_every_page.py": "each page opens",
    "tests/pages/test_text_is_literal.py": "hostile names on every page",
    "tests/test_benchmarks.py": "each measurement starts",
    "tests/test_architecture.py": "which modules import which",
    "tests/test_deploy.py": "the files of deploy/ and what they name",
    "tests/test_docs.py": "what the documents name in code",
    "tests/test_kept_home.py": "a home of an earlier build in the hands of today's",
    "tests/test_lab.py": "the launcher at the top",
    "tests/test_run_all.py": "the program that runs all tests",
    "tests/test_mirror.py": "this file",
    "tests/pages/test_signed_in.py": "every page in the hands of every role",
    "tests/ui/test_roles_at_routes.py": "every route of ours, asked by every role with every kind of token",
    "tests/ui/test_markdown.py": "what pages write into Markdown, read from their source",
    "tests/ui/test_blind.py": "every route of a reader, asked of two labs that differ in what another reader gave",
}


def modules() -> list[Path]:
    """Return the modules that hold code, relative to the repository."""
    paths = (path for top in TOPS for path in sorted((ROOT / top).rglob("*.py")))
    return [path.relative_to(ROOT) for path in paths if "migrations" not in path.parts and not marks_a_package(path)]


def marks_a_package(path: Path) -> bool:
    """Say whether a module is no more than a package's docstring and names."""
    return path.name == "__init__.py" and len(path.read_text().strip().splitlines()) < MARKER_LINES


def mirror(module: Path) -> Path:
    """Return where the test file of a module stands."""
    package = module.parent if module.name == "__init__.py" else module.with_suffix("")
    return Path("tests") / package.parent / f"test_{package.name}.py"


@pytest.mark.parametrize("module", modules(), ids=str)
def test_a_module_has_a_test_file_of_its_name(module: Path) -> None:
    if str(module) in EXCUSED:
        assert not (ROOT / mirror(module)).exists(), f"{module} has a test now: take it off the list"
    else:
        assert (ROOT / mirror(module)).exists(), f"{mirror(module)} is missing"


def test_every_test_file_mirrors_a_module_or_says_why_not() -> None:
    mirrors = {str(mirror(module)) for module in modules()}
    tests = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}
    beside = {path for path in tests if Path(path).parts[1] in ("browser", "extending", "homes")}
    assert sorted(tests - mirrors - beside - set(ACROSS)) == []
    assert sorted(path for path in set(ACROSS) - tests if ACROSS[path] != "not yet") == []


def test_few_modules_are_excused_and_each_is_there() -> None:
    assert len(EXCUSED) <= 15
    assert sorted(set(EXCUSED) - {str(module) for module in modules()}) == []
