"""A slide at a URL is one as any other: added, read, told apart from another in its place, and seen while it comes."""

import shutil
import threading
import time

import pytest

from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.slides.slide_url import url_of
from mmdnet.workflows.slides.fetched import place as module
from mmdnet.workflows.slides.fetched import servers
from mmdnet.workflows.slides.fetched.place import allowed_url, slide_file, stamp_of
from mmdnet.workflows.slides.fetched.servers import Seen

FACTS = StatedFacts(mpp=0.5)


def lab_of(home, shelf, **more):
    return open_lab(Settings(home=home, slide_urls=(url_of(shelf.root),), **more))


def test_a_slide_comes_from_a_url_to_two_homes_and_another_in_its_place_is_told(shelf, new_home, tmp_path, tissue_png):
    shelf.files["/liver/a.png"] = tissue_png().read_bytes()
    url = f"{shelf.root}/a.png"
    labs = [lab_of(shutil.copytree(new_home, tmp_path / name), shelf) for name in ("one", "two")]
    for lab in labs:
        project = lab.projects.create("Test").id
        (file,) = lab.slides.incoming.look(project, url)
        assert (file.kind, file.name) == ("new", "a.png")
        (outcome,) = lab.slides.register(project, url, FACTS)
        slide = lab.slides.get(outcome.slide_id)
        assert (slide.path, slide.name, slide.patches > 0) == (url, "a.png", True)
        assert lab.slides.pictures.thumbnail(slide.id)[:2] == b"\xff\xd8"
        (again,) = lab.slides.register(project, url, FACTS)
        assert again.was_here and lab.slides.incoming.look(project, url)[0].kind == "here"
        assert [path.name for path in (lab.settings.home / "cache/fetched").glob("*/*/*")] == ["a.png"]
        with pytest.raises(LabError, match="no slide"):
            lab.slides.incoming.relink(slide.id, f"{shelf.root}/a.part")
    assert sum(asked[0] == "GET" for asked in shelf.asked) == 2  # once for each home, however often it was opened
    shelf.stop()
    assert lab.slides.pictures.thumbnail(slide.id, 400)[:2] == b"\xff\xd8"  # what was fetched serves meanwhile
    shelf.files["/liver/a.png"] = tissue_png("other.png", seed=1).read_bytes()
    shelf.start()
    with pytest.raises(LabError, match=r"a\.png has changed since it was added"):
        lab.slides.pictures.thumbnail(slide.id, 400)
    lab.slides.remove(slide.id)
    assert list((lab.settings.home / "cache/fetched").glob("*/*/*")) == []


@pytest.mark.parametrize(
    "text",
    ["{root}/../secret.png", "{root}-2/a.png", "{root}/%2e%2e/a.png", "http://169.254.169.254/liver/a.png",
     "s3://bucket/liver/a.png", "ftp://127.0.0.1/liver/a.png", "simplecache::{root}/a.png", "{root}/a.png?x=1"],
)  # fmt: skip
def test_outside_the_urls_one_sentence_and_no_server_is_asked(shelf, lab, tmp_path, text):
    settings = Settings(home=tmp_path, slide_urls=(url_of(shelf.root),))
    text = text.format(root=shelf.root)
    refused = pytest.raises(LabError, match="does not lie at a URL that slides may be added from")
    with refused:
        slide_file(settings, text)
    with refused:
        allowed_url(Settings(home=tmp_path), f"{shelf.root}/a.png")  # without any, none
    assert stamp_of(settings, text) == (0, 0) and shelf.asked == []
    with refused:
        lab.slides.submit(lab.projects.create("Test").id, text)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.mrxs", "this file and a folder of the same name"),
        ("a.dcm", "other files of its series"),
        ("a.txt", "no slide"),
    ],
)
def test_what_does_not_come_in_one_file_is_refused(shelf, new_home, tmp_path, name, words):
    lab = lab_of(shutil.copytree(new_home, tmp_path / "home"), shelf)
    with pytest.raises(LabError, match=words):
        lab.slides.register(lab.projects.create("Test").id, f"{shelf.root}/{name}")
    assert shelf.asked == []


def test_pages_wait_once_for_a_silent_server_and_once_for_slides_that_come(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BELIEVED_S", 10.0)
    settings = Settings(home=tmp_path, slide_urls=(url_of(shelf.root),), fetch_wait_s=0.3)
    names = [f"{number}.svs" for number in range(8)]
    shelf.files |= {f"/liver/{name}": bytes(3 * 2**20) for name in names}
    shelf.silent_s, ended = 1.0, threading.Event()
    monkeypatch.setattr(module, "_fetch_aside", lambda *fetch: ended.wait(30))
    for name in names:
        with pytest.raises(LabError, match=r"cannot be reached \((no answer yet|it did not answer a moment ago)\)"):
            slide_file(settings, f"{shelf.root}/{name}")
        assert stamp_of(settings, f"{shelf.root}/{name}") == (0, 0)
    assert [str(url) for url in module._ASKED if str(shelf.port) in url.host] == [f"{shelf.root}/{names[0]}"]
    monkeypatch.setattr(module, "_seen", lambda url, wait_s: Seen(3 * 2**20, "1"))
    for name in names[1:]:
        with pytest.raises(LabError, match="is not here yet"):
            slide_file(settings, f"{shelf.root}/{name}")
    ended.set()
    waits_from = [module._COMING[url_of(f"{shelf.root}/{name}")].begun for name in names[1:]]
    assert set(waits_from[2:]) == {waits_from[0]} != {waits_from[1]}


def test_a_page_does_not_wait_while_a_slide_comes(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "AT_ONCE", 2**20)
    shelf.files["/liver/a.svs"] = bytes(3 * 2**20)
    shelf.go_on.clear()
    settings = Settings(home=tmp_path, slide_urls=(url_of(shelf.root),), fetch_wait_s=0.1)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with slide_file(settings, f"{shelf.root}/a.svs") as path:
                assert path.stat().st_size == 3 * 2**20
            break
        except LabError as error:
            if "a.svs is not here yet (1.0 MB of 3.1 MB fetched)" in str(error):
                shelf.go_on.set()
            time.sleep(0.05)
    else:
        pytest.fail("it never came")
    assert sum(asked[0] == "GET" for asked in shelf.asked) == 1
