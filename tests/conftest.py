"""What all tests share: the real data's folder, the switch for slow tests, and what makes all of them quicker."""

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# One thread for each process that tests: of small networks and pictures more only wait for each other. Read when torch
# and OpenCV are loaded, here and in the processes that tests start.
for variable in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
    os.environ.setdefault(variable, "1")

# How long an example takes says how much else the machine has to do, and nothing of the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run tests marked slow")
    parser.addoption(
        "--pictures", action="store_true", help="let the browser tests make the pictures of docs/pictures anew"
    )


def pytest_collection(session: pytest.Session) -> None:
    """Nothing that is imported becomes garbage: not to look for any takes a tenth of the time."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """The collector looks at what tests make, not again and again at two million objects of modules."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))


@pytest.fixture(scope="session", autouse=True)
def components_looked_for_once() -> None:
    """Each AppTest looks through every installed package for components, a quarter of a second: once is enough."""
    if "streamlit" in sys.modules:  # else no test here draws a page
        from streamlit.components.v2 import manifest_scanner

        manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> None:
    """Each call of the command line builds all its 81 commands, a tenth of a second: in one process they stay as they are."""
    if "typer" in sys.modules:
        import typer.main
        import typer.testing

        typer.main.get_command = typer.testing._get_command = cache(typer.main.get_command)


@pytest.fixture(scope="session", autouse=True)
def real_hasher() -> "PasswordHasher":
    """What hashes passwords in the product; tests have the smallest argon2 there is instead."""
    from argon2 import PasswordHasher

    from mmdnet.accounts import passwords

    real, passwords._hasher = passwords._hasher, PasswordHasher(1, 8, 1)
    return real


@pytest.fixture(scope="session", autouse=True)
def droplets_found_once() -> None:
    """Tests add the same few pictures of tissue hundreds of times; the same pixels hold the same droplets.

    Tests of the finder itself call it by its own module, and measure anew.
    """
    from mmdnet.slides.measures import fat
    from tests.memory import remembering_droplets

    fat.find_droplets = remembering_droplets(fat.find_droplets)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real slides and tissue, read in place."""
    folder = Path(os.environ.get("MMDNET_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "slides").is_dir():
        pytest.skip(f"real slides are not at {folder}; set MMDNET_REAL_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as a first start leaves it, to be copied: making its databases takes ten times as long."""
    from mmdnet.lab import open_lab
    from mmdnet.settings import Settings

    home = tmp_path_factory.mktemp("new") / "home"
    open_lab(Settings(home=home))
    return home


@pytest.fixture(scope="session")
def five_home(tmp_path_factory: pytest.TempPathFactory, new_home: Path) -> Path:
    """A home of five patients with labelled patches, to be copied."""
    from tests.search_lab import make_search_lab

    return make_search_lab(Path(shutil.copytree(new_home, tmp_path_factory.mktemp("five") / "home")))


@pytest.fixture
def label_bench(tmp_path: Path):
    """A small lab for labelling: two slides of thirty patches, three readers, no files."""
    from tests.label_bench import make_label_bench

    return make_label_bench(tmp_path)


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """A page drawn in a test stands as `__main__` afterwards, and a process started then would run it: put it back."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
