"""The viewer's routes: closed without a token, bound to one project, and never outside the library's folder."""

import json
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mmdnet.errors import LabError
from mmdnet.scoring.heat import HeatLegend
from mmdnet.settings import Settings
from ui.shell.access import view_access
from ui.shell.routes import TOKEN_HEADER, middleware
from ui.slides.zoom_routes import LIBRARY, zoom_routes


class Slides:
    """Two slides of two projects, and what was asked of them."""

    def __init__(self):
        self.asked = []
        self.pictures = self

    def get(self, slide_id):
        if slide_id not in (1, 2):
            raise LabError(f"There is no slide with the number {slide_id} here.")
        return SimpleNamespace(project_id=slide_id)

    def zoom_tile(self, *where):
        self.asked.append(where)
        if where[1] > 12:
            raise LabError("There is no such tile.")
        return b"jpeg"

    def tissue_overlay(self, slide_id):
        return b"png"

    def thumbnail(self, slide_id, max_px):
        return f"{slide_id} {max_px}".encode()


@pytest.fixture
def lab(tmp_path):
    return SimpleNamespace(
        settings=Settings(home=tmp_path),
        accounts=SimpleNamespace(asked=lambda: False),
        slides=Slides(),
        scoring=SimpleNamespace(get=lambda score_id: SimpleNamespace(slide_id=score_id)),
        reports=SimpleNamespace(
            heat=lambda score_id, task, width: (
                f"{score_id} {task} {width}".encode(),
                HeatLegend(0.0, 4.0, (0.0, 4.0), "× the mean"),
            ),
        ),
    )


@pytest.fixture
def client(lab):
    return TestClient(Starlette(routes=zoom_routes(lambda: lab), middleware=middleware(lambda: lab)))


def ask(client, lab, path, project=1):
    return client.get(path, headers={TOKEN_HEADER: view_access(lab, project)})


def test_a_tile_comes_with_the_right_token_only(client, lab):
    tile = "/api/zoom/slide/1/9/3_4.jpg"
    assert client.get(tile).status_code == 401
    assert client.get(tile, headers={TOKEN_HEADER: "forged.token"}).status_code == 401
    answer = ask(client, lab, tile)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"jpeg", "image/jpeg")
    assert "private" in answer.headers["cache-control"]
    assert lab.slides.asked == [(1, 9, 3, 4)]


@pytest.mark.parametrize(
    "path",
    [
        "/api/zoom/slide/2/9/0_0.jpg",
        "/api/zoom/picture/2.jpg",
        "/api/zoom/tissue/2.png",
        "/api/zoom/heat/2/steatosis.png",
    ],
)
def test_a_token_opens_no_other_project(client, lab, path):
    assert ask(client, lab, path).status_code == 403
    assert ask(client, lab, path, project=2).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/zoom/slide/9/1/0_0.jpg", "/api/zoom/slide/1/40/0_0.jpg", "/api/zoom/heat/1/colour.png"]
)
def test_what_is_not_there_is_refused_in_a_sentence(client, lab, path):
    answer = ask(client, lab, path)
    assert answer.status_code == 400
    assert answer.json()["problem"].startswith("There is no")


def test_a_heat_map_covers_the_slide_in_one_picture_and_brings_its_scale(client, lab):
    answer = ask(client, lab, "/api/zoom/heat/1/steatosis.png")
    assert answer.content == b"1 steatosis 2048"
    assert json.loads(answer.headers["x-map-scale"]) == {
        "low": 0.0, "high": 4.0, "ticks": [0.0, 4.0], "unit": "× the mean",
    }  # fmt: skip


def test_a_listed_slide_has_a_small_picture(client, lab):
    answer = ask(client, lab, "/api/zoom/picture/1.jpg")
    assert (answer.content, answer.headers["content-type"]) == (b"1 160", "image/jpeg")


def test_the_library_is_served_from_its_own_folder_and_nothing_else_is(client):
    if LIBRARY.is_dir():
        assert "javascript" in client.get("/viewer-library/openseadragon.min.js").headers["content-type"]
    for name in (
        "../../package.json",
        "..%2f..%2fpackage.json",
        "%2e%2e/%2e%2e/package.json",
        "/etc/passwd",
        "no.js",
        "a%00b",
    ):
        assert client.get(f"/viewer-library/{name}").status_code == 404
