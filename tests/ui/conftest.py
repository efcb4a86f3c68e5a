"""Our routes over a lab of labels, without a server: the lab, its client, a label session and its token."""

from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mmdnet.workflows.people.accounts import Accounts
from mmdnet.workflows.projects import Readers
from ui.label.routes import label_routes
from ui.shell.access import label_access
from ui.shell.routes import middleware, routes


@pytest.fixture
def lab(label_bench):
    slides = SimpleNamespace(
        pictures=SimpleNamespace(
            patch_jpeg=lambda patch_id, context=1, px=None: b"jpeg %d %d" % (patch_id, context),
            thumbnail=lambda slide_id, max_px: b"thumb",
        ),
        get=lambda slide_id: SimpleNamespace(project_id=label_bench.project),
    )
    services = label_bench.services
    return SimpleNamespace(
        labels=label_bench.labels,
        slides=slides,
        readers=Readers(services),
        accounts=Accounts(services),
        learning=SimpleNamespace(after_labels=lambda project_id: None),
        settings=services.settings,
    )


@pytest.fixture
def client(lab):
    app = Starlette(routes=[*routes(lambda: lab), *label_routes(lambda: lab)], middleware=middleware(lambda: lab))
    return TestClient(app, base_url="http://127.0.0.1:8501")


@pytest.fixture
def view(label_bench):
    return label_bench.session()


@pytest.fixture
def token(lab, label_bench, view):
    return {"x-lab-token": label_access(lab, label_bench.project, view.id, label_bench.readers[0])}
