"""A real browser over the whole lab. Without Chromium these tests are skipped with the hint, unless CI=true."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from tests.browser.lab_process import RunningLab
from tests.browser.steps import WAIT_MS
from tests.hostile import spoil
from tests.pages.conftest import Filled, copied, fill

NAMES = ("chromium", "chromium-browser", "google-chrome")
HINT = "no Chromium on this machine; install it (Debian: apt-get install chromium)"


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """The system's Chromium, headless."""
    path = next((path for name in NAMES if (path := shutil.which(name))), None)
    if path is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(HINT)
        pytest.skip(HINT)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def running_lab(tmp_path: Path) -> Iterator[RunningLab]:
    """A lab over an empty home, its processes not started yet: `start_app()`, `start_worker("cpu", "cpu")`."""
    lab = RunningLab(tmp_path / "home")
    lab.home.mkdir()
    yield lab
    lab.stop()


@pytest.fixture(scope="session")
def one_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """One lab for all tests that can share it: starting the app takes longer than most of them."""
    lab = RunningLab(tmp_path_factory.mktemp("lab") / "home")
    lab.home.mkdir()
    open_lab(load_settings(home=lab.home))
    yield lab
    lab.stop()


@pytest.fixture
def shared_lab(one_lab: RunningLab) -> RunningLab:
    """The lab that tests share, its app running whatever a test before has done to it."""
    if one_lab.app is None or one_lab.app.poll() is not None:
        one_lab.start_app()
    return one_lab


@pytest.fixture(scope="session")
def filled_template(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """A lab with everything in it, made once; tests take a copy of its home."""
    home = tmp_path_factory.mktemp("filled") / "home"
    home.mkdir()
    return fill(home)


@pytest.fixture(scope="session")
def spoilt_lab(
    filled_template: Filled, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningLab, Filled]]:
    """A lab with everything in it, in which every text of a file or a person is hostile; tests change nothing there."""
    lab = RunningLab(tmp_path_factory.mktemp("spoilt") / "home")
    filled = copied(filled_template, lab.home)
    spoil(filled)
    lab.start_app()
    yield lab, filled
    lab.stop()


@pytest.fixture
def page(chromium) -> Iterator[object]:
    """A fresh browser profile's page, 1440 x 900, light."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    context.set_default_timeout(WAIT_MS)
    yield context.new_page()
    context.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    """Where a test failed, what its pages showed: in a report from elsewhere there is nothing else to look at."""
    outcome = yield
    browser = getattr(item, "funcargs", {}).get("chromium")
    if call.when == "call" and call.excinfo is not None and browser is not None:
        for context in browser.contexts:
            for page in context.pages:
                outcome.get_result().sections.append((page.url, said_by(page)))


def said_by(page) -> str:
    """A page in words: what is written on it, and how far its components and the script behind it are."""
    states = page.evaluate(
        "[...document.querySelectorAll('.stApp, .canvas, .bulk')].map((el) => JSON.stringify({ ...el.dataset }))"
    )
    return "\n".join([*states, page.locator("body").inner_text()])
