"""Fetched once, whole or not at all, within a size, and never taken from whoever reads it."""

import os

import pytest

from mmdnet.errors import LabError
from mmdnet.slides.slide_url import url_of
from mmdnet.workflows.slides.fetched import cache as module
from mmdnet.workflows.slides.fetched.cache import ObjectCache
from mmdnet.workflows.slides.fetched.servers import AwayError, server_of

MIB = 2**20


def fetched(cache, shelf, name, told=lambda share, message: None):
    url = url_of(f"{shelf.root}/{name}")
    server = server_of(url)
    return cache.fetch(url, server, server.look(), told)


@pytest.fixture
def cache(tmp_path):
    return ObjectCache(tmp_path / "fetched", 10 * MIB)


def test_it_goes_on_where_it_was_cut_off_and_tells_bytes(cache, shelf, monkeypatch):
    monkeypatch.setattr(module, "SAFE_BYTES", MIB)
    monkeypatch.setattr(module, "TELL_EVERY_S", 0.0)
    whole, told = os.urandom(4 * MIB + 7), []
    shelf.files["/liver/a.svs"], shelf.breaks_after = whole, 2 * MIB + 5
    with pytest.raises(AwayError):
        fetched(cache, shelf, "a.svs")
    shelf.breaks_after = None
    held = fetched(cache, shelf, "a.svs", lambda share, message: told.append((share, message)))
    assert held.path.read_bytes() == whole and held.path.name == "a.svs"
    assert shelf.asked[-2] == ("GET", "/liver/a.svs", f"bytes={2 * MIB}-")
    assert told[-1] == (1.0, "4.2 MB of 4.2 MB fetched")
    asked = len(shelf.asked)
    assert fetched(cache, shelf, "a.svs").path == held.path and len(shelf.asked) == asked + 1


def test_what_is_open_stays_and_the_longest_unused_goes(cache, shelf, tmp_path):
    for number, name in enumerate("abc"):
        shelf.files[f"/liver/{name}.svs"] = os.urandom(4 * MIB)
        if name == "c":
            break
        held = fetched(cache, shelf, f"{name}.svs")
        os.utime(held.path, (number, number))
        if name == "a":
            opened = held  # the longest unused, but in use
        else:
            held.close()
    fetched(cache, shelf, "c.svs").close()
    kept = {path.name for path in (tmp_path / "fetched").glob("*/*/*")}
    assert kept == {"a.svs", "c.svs"} and opened.path.exists()
    held = fetched(cache, shelf, "c.svs")
    shelf.files["/liver/d.svs"] = bytes(4 * MIB)
    with pytest.raises(LabError, match="full of slides that are in use"):
        fetched(cache, shelf, "d.svs")
    held.close()
    shelf.files["/liver/e.svs"] = bytes(11 * MIB)
    with pytest.raises(LabError, match=r"may take 10\.5 MB together"):
        fetched(cache, shelf, "e.svs")


def test_what_came_of_a_former_version_holds_no_room_and_the_unused_goes_for_the_disks_sake(
    cache, shelf, tmp_path, monkeypatch
):
    shelf.files["/liver/a.svs"], shelf.breaks_after = os.urandom(6 * MIB), MIB
    with pytest.raises(AwayError):
        fetched(cache, shelf, "a.svs")
    shelf.files["/liver/a.svs"], shelf.breaks_after = os.urandom(6 * MIB), None
    fetched(cache, shelf, "a.svs").close()
    assert list((tmp_path / "fetched").glob("*/*.part")) == []

    def usage(folder):
        taken = sum(path.stat().st_size for path in (tmp_path / "fetched").glob("*/*/*"))
        return type("", (), {"free": module.SPARE_BYTES + 7 * MIB - taken})()

    monkeypatch.setattr(module.shutil, "disk_usage", usage)
    shelf.files["/liver/b.svs"] = bytes(3 * MIB)
    fetched(cache, shelf, "b.svs").close()
    assert [path.name for path in (tmp_path / "fetched").glob("*/*/*")] == ["b.svs"]
    cache.forget(url_of(f"{shelf.root}/b.svs"))
    assert list((tmp_path / "fetched").glob("*/*/*")) == []


def test_no_room_on_the_disk_and_a_change_under_way_leave_nothing(cache, shelf, tmp_path, monkeypatch):
    shelf.files["/liver/a.svs"] = bytes(MIB)
    url = url_of(f"{shelf.root}/a.svs")
    server = server_of(url)
    seen = server.look()
    shelf.files["/liver/a.svs"] = b"1" * MIB
    with pytest.raises(LabError, match="changed while it was being fetched"):
        cache.fetch(url, server, seen)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: type("", (), {"free": module.SPARE_BYTES + 1000}))
    with pytest.raises(LabError, match=r"needs 1.0 MB, and the lab's disk has 1 kB left"):
        fetched(cache, shelf, "a.svs")
    assert list((tmp_path / "fetched").glob("*/*.part")) == []
