"""The page says where its server is, and scripts travel compressed; what is not the page's goes on."""

import gzip
import re

import imagecodecs
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ui.shell.front import BEFORE_STREAMLIT, SOON, Front, page_at, scripts
from ui.shell.pages import PAGES


def client(base=""):
    inner = [Route("/{path:path}", lambda request: PlainTextResponse("Streamlit"), methods=["GET", "POST"])]
    return TestClient(Starlette(routes=inner, middleware=[Middleware(Front, base=base)]))


@pytest.mark.parametrize("base", ["", "/lab"])
def test_every_address_of_ours_is_the_page_and_it_says_where_its_server_is(base):
    asked = client(base)
    for path in ("/", *(f"/{page.name}" for page in PAGES)):
        answer = asked.get(f"{base}{path}")
        assert f'BACKEND_BASE_URL: location.origin + "{base}/"' in answer.text
        told, bundle = answer.text.index("window.__streamlit"), answer.text.index('<script type="module" crossorigin')
        assert told < bundle, "before Streamlit's script reads it"
        for call in BEFORE_STREAMLIT.values():
            assert told < answer.text.index(f"{call}</script>") < bundle, "before Streamlit's script runs"
        assert "The page is being opened" in answer.text
    assert asked.get(f"{base}/_stcore/health").text == asked.post(f"{base}/").text == "Streamlit"
    first = asked.get(f"{base}/overview?project=2", follow_redirects=False)
    assert first.is_redirect and first.headers["location"] == f"{base}/?project=2"
    assert asked.get(f"{base}/overview/_stcore/health").text == "Streamlit", "nothing else is made of a page's address"


def test_scripts_that_are_needed_soon_come_with_the_page_and_run_after_its_own():
    page = page_at("")
    run_after = page.rindex('<script type="module">')
    assert page.index('<script type="module" crossorigin') < run_after
    for element in SOON:
        (path,) = {path for path in scripts() if path.startswith(f"/static/js/{element}.")}
        assert (
            f'import ".{path}";' in page[run_after:]
            and f'<link rel="modulepreload" crossorigin href=".{path}">' in page
        )
    fetched = re.findall(r'<link rel="modulepreload" crossorigin href="\.([^"]+)">', page)
    assert len(fetched) == len(set(fetched)) and set(fetched) <= set(scripts())


def test_the_socket_is_opened_at_once_only_where_asked_for():
    assert "HOST_CONFIG" in page_at("", at_once=True) and "HOST_CONFIG" not in page_at("")


def test_scripts_travel_compressed_and_whoever_takes_none_compressed_gets_them_from_streamlit():
    path, file = max(scripts().items(), key=lambda item: item[1].stat().st_size)
    sent = {}
    for taken, coding in (("deflate, gzip", "gzip"), ("gzip, deflate, br, zstd", "br")):
        with client().stream("GET", path, headers={"accept-encoding": taken}) as answer:
            sent[coding] = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == coding
    assert gzip.decompress(sent["gzip"]) == imagecodecs.brotli_decode(sent["br"]) == file.read_bytes()
    assert len(sent["br"]) < 0.9 * len(sent["gzip"]) and 3 * len(sent["gzip"]) < file.stat().st_size
    assert "immutable" in answer.headers["cache-control"] and "javascript" in answer.headers["content-type"]
    assert client().get(path, headers={"accept-encoding": "identity"}).text == "Streamlit"
    assert client().get("/static/js/../../index.html").text == "Streamlit"
