"""What a server is asked, and each of its answers as a sentence."""

import sys
from types import SimpleNamespace

import pytest

from mmdnet.errors import LabError
from mmdnet.slides.slide_url import url_of
from mmdnet.workflows.slides.fetched import servers
from mmdnet.workflows.slides.fetched.servers import AwayError, below, server_of


def test_a_web_server_tells_size_and_version_and_gives_bytes_from_a_place_on(shelf):
    shelf.files["/liver/a b.svs"] = b"0123456789"
    server = server_of(url_of(f"{shelf.root}/a b.svs"))
    seen = server.look()
    start, parts = server.read(4)
    assert (seen.size, start, b"".join(parts)) == (10, 4, b"456789")
    shelf.files["/liver/a b.svs"] = b"9876543210"
    assert server.look() != seen


def test_a_server_that_says_no_version_or_sends_other_bytes_is_not_believed(shelf):
    shelf.files["/liver/a.svs"], shelf.off = b"0123456789", 1
    server = server_of(url_of(f"{shelf.root}/a.svs"))
    with pytest.raises(AwayError, match="asked for bytes from 4 on, it sends others"):
        server.read(4)
    shelf.bare = True
    with pytest.raises(LabError, match="says neither its ETag nor when it was changed"):
        server.look()


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "is not there"), (403, "does not let this lab"), (302, "sends to another address"), (503, "it answers 503")],
)
def test_each_answer_is_a_sentence_and_nobody_is_sent_elsewhere(shelf, status, words):
    shelf.status = status
    with pytest.raises(LabError, match=words):
        server_of(url_of(f"{shelf.root}/a.svs")).look()
    assert len(shelf.asked) == 1


def test_a_server_that_is_gone_is_away_and_one_of_the_web_lists_nothing(shelf):
    shelf.stop()
    with pytest.raises(AwayError, match="cannot be reached"):
        server_of(url_of(f"{shelf.root}/a.svs")).look()
    with pytest.raises(LabError, match="does not list"):
        below(url_of(f"{shelf.root}/"))


class _Bucket:
    """S3 as s3fs shows it."""

    data = b"0123456789"
    wrong: Exception | None = None

    def info(self, path, refresh):
        if self.wrong:
            raise self.wrong
        return {"type": "file" if path.endswith(".svs") else "directory", "size": len(self.data), "ETag": "e"}

    def cat_file(self, path, start, end):
        return self.data[start:end]

    def find(self, path, refresh):
        return ["b/p/c.svs", "b/p/a.svs"]


def test_s3_is_asked_the_same(monkeypatch):
    bucket = _Bucket()
    monkeypatch.setitem(sys.modules, "fsspec", SimpleNamespace(filesystem=lambda *name, **options: bucket))
    monkeypatch.setattr(servers, "AT_ONCE", 4)
    server = server_of(url_of("s3://bbb/p/a.svs"))
    start, parts = server.read(3)
    assert (server.look().size, start, list(parts)) == (10, 3, [b"3456", b"789"])
    assert [str(url) for url in below(url_of("s3://bbb/p/"))] == ["s3://bbb/p/a.svs", "s3://bbb/p/c.svs"]
    with pytest.raises(LabError, match="is not there"):
        server_of(url_of("s3://bbb/p")).look()
    no_credentials = type("NoCredentialsError", (Exception,), {})()
    for wrong, words in (
        (FileNotFoundError(), "is not there"),
        (PermissionError(), "does not let"),
        (no_credentials, "does not let"),
        (ImportError("s3fs"), "needs the package s3fs"),
        (TimeoutError(), "cannot be reached"),
        (type("EndpointConnectionError", (Exception,), {})(), r"cannot be reached \(no connection\)"),
    ):
        bucket.wrong = wrong
        with pytest.raises(LabError, match=words):
            server.look()
