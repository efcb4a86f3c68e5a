"""A real lab on a temporary home behind the app under test: empty, or with slides, labels, a training and a score."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import event
from sqlalchemy.engine import Engine
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from db.models import Model, Score
from mmdnet.lab import open_lab
from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import PatchGrades
from tests.small_lab import SHORT_TRAINING, JobInProcess, draw_tissue

ROOT = Path(__file__).resolve().parents[2]
OpenPage = Callable[..., AppTest]


@dataclass(frozen=True)
class Filled:
    """A lab with four slides of four patients, one without µm/px, labels of one reader, a model and a score."""

    lab: Lab
    project: int
    reader: int
    slides: list[int]
    without_mpp: int
    run: int
    score: int


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Made once; tests get a copy of its home."""
    home = tmp_path_factory.mktemp("filled") / "home"
    home.mkdir()
    return fill(home)


def fill(home: Path) -> Filled:
    """Fill a lab over an empty home."""
    lab = open_lab(Settings(home=home))
    project = lab.projects.create("Cohort").id
    reader = lab.readers.ensure("Ada").id
    slides = []
    for number in range(3):
        path = draw_tissue(home / f"slide_{number}.png", seed=number, glass=320 if number == 2 else 0)
        outcome = lab.slides.register(
            project, path, StatedFacts(mpp=0.5, patient=f"P{number}", site="North", stain="H&E")
        )[0]
        assert outcome.slide_id is not None
        slides.append(outcome.slide_id)
        labels = [
            PatchGrades(patch.id, Grades(ballooning=i % 3, inflammation=i % 4, steatosis=(i + 1) % 4))
            for i, patch in enumerate(lab.slides.patches(outcome.slide_id))
        ]
        lab.labels.acts.put_many(project, reader, labels)
    without = lab.slides.register(project, draw_tissue(home / "no_scale.png", seed=9))[0]
    assert without.slide_id is not None
    run = lab.training.start(project, SHORT_TRAINING, name="First training")
    model = lab.training.run(JobInProcess(lab.settings, home / "train", "train"), run)
    lab.scoring.score_now(JobInProcess(lab.settings, home / "score", "score"), [slides[0]], model)
    return Filled(lab, project, reader, slides, without.slide_id, run, lab.scoring.list(project)[0].id)


@pytest.fixture
def filled_home(template: Filled, tmp_path: Path) -> Filled:
    """A filled lab of the test's own."""
    return copied(template, tmp_path / "home")


def copied(template: Filled, home: Path) -> Filled:
    """The same lab again in a home of its own; slides' files stay where they are."""
    shutil.copytree(template.lab.settings.home, home)
    return replace(template, lab=open_lab(Settings(home=home)))


@pytest.fixture
def validated(filled_home: Filled) -> None:
    """The filled lab's model is one that was judged on other patients, and learnt from none of the slides."""
    with filled_home.lab.db.begin() as session:
        for model in session.query(Model):
            kappas = {f"kappa_{name}": 0.6 for name in TASK_NAMES} | {f"n_{name}": 40.0 for name in TASK_NAMES}
            learnt = {"train": [], "validation": []}
            trained_on = {**model.card["trained_on"], "grades": {}}
            model.card = {**model.card, "metrics": {"test": kappas}, "split": learnt, "trained_on": trained_on}
        for score in session.query(Score):  # so small a slide is looked at alike everywhere
            tasks = {name: {**said, "highest_attention": 3.0} for name, said in score.result["tasks"].items()}
            score.result = {**score.result, "tasks": tasks}


@pytest.fixture(autouse=True)
def frame_around_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As app.py does for the server: a folder named pages/ is not Streamlit's older navigation; the frame always runs."""
    make = PagesManager.__init__

    def make_without_folder(self: PagesManager, *args: Any, **more: Any) -> None:
        PagesManager.uses_pages_directory = False
        make(self, *args, **more)

    monkeypatch.setattr(PagesManager, "__init__", make_without_folder)


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Points the app at a home; the lab it opens is let go afterwards."""

    def point(home: Path) -> None:
        monkeypatch.setenv("MMDNET_HOME", str(home))
        st.cache_resource.clear()
        st.cache_data.clear()

    monkeypatch.chdir(ROOT)
    yield point
    st.cache_resource.clear()
    st.cache_data.clear()


def _open(page: str, query: dict[str, str], state: dict[str, Any]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    for key, value in state.items():
        app.session_state[key] = value
    if page != "overview":
        app.switch_page(f"pages/{page}.py")  # as who follows a link into a new session: no page is drawn before
    return app.run()


@pytest.fixture
def empty(at_home: Callable[[Path], None], tmp_path: Path, new_home: Path) -> OpenPage:
    """Opens pages of a lab that holds nothing yet."""
    at_home(shutil.copytree(new_home, tmp_path / "home"))
    return lambda page, query=None, **state: _open(page, query or {}, state)


@pytest.fixture
def filled(at_home: Callable[[Path], None], filled_home: Filled) -> OpenPage:
    """Opens pages of the filled lab, as the reader Ada."""
    at_home(filled_home.lab.settings.home)
    known = {"reader_id": filled_home.reader}
    return lambda page, query=None, **state: _open(page, query or {}, known | state)


def texts(app: AppTest) -> str:
    """Everything the page says, for looking for a phrase."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success", "html")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every statement that any database is asked from here on."""
    asked: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        asked.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", hear)
    yield asked
    event.remove(Engine, "before_cursor_execute", hear)


@pytest.fixture
def said() -> Callable[[AppTest], str]:
    return texts


@pytest.fixture
def as_role(filled: OpenPage, filled_home: Filled, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Signs a new account with these roles in at the tabs of `filled`; the account."""
    from mmdnet.accounts.roles import Role
    from ui.shell import session
    from ui.shell.sign_in import COOKIE

    def make(*roles: str) -> Any:
        accounts = filled_home.lab.accounts
        account = accounts.add("Ada L.", "correct horse", reader=None if roles == ("auditor",) else "Ada")
        for role in roles:
            accounts.grant(account.id, Role(role), filled_home.project)
        token = accounts.sign_in("Ada L.", "correct horse")
        of_cookie = session.person_of
        monkeypatch.setattr(session, "person_of", lambda lab, cookies, headers: of_cookie(lab, {COOKIE: token}, {}))
        return account

    return make
