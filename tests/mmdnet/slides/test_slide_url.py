"""Addresses that slides are fetched from: one spelling for each object, and nothing outside an allowed one."""

import pytest

from mmdnet.slides.slide_url import SlideUrl, is_url, url_of

ROOT = url_of("s3://bucket/liver")


@pytest.mark.parametrize("key", ["liver/a.svs", "liver/2026 03/b.svs", "liver/", "liver"])
def test_what_lies_below_a_root_is_told_part_by_part(key):
    url = url_of(f"S3://Bucket/{key}")
    assert url == SlideUrl("s3", "bucket", key) and str(url) == f"s3://bucket/{key}" and url.lies_in(ROOT)
    assert url.is_folder == key.endswith("/")


@pytest.mark.parametrize(
    "text",
    ["s3://bucket/liver-2/a.svs", "s3://bucket/a.svs", "s3://bucket2/liver/a.svs", "https://bucket/liver/a.svs"],
)
def test_what_lies_beside_a_root_does_not_lie_in_it(text):
    assert not url_of(text).lies_in(ROOT)


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/liver/../secret.svs", "s3://bucket/liver/./a.svs", "s3://bucket/liver//a.svs", "s3://bucket//",
        "s3://bucket/liver/%2e%2e/secret.svs", "s3://bucket/liver/..%2fsecret.svs", "s3://bucket/liver\\..\\x.svs",
        "s3://bucket/liver/a.svs?versionId=1", "s3://bucket/liver/a.svs#x", "s3://user:pw@bucket/liver/a.svs",
        "s3://bucket@169.254.169.254/liver/a.svs", "https://hospital:80:80/a.svs", "https://a..b/x.svs", "https:///x.svs",
        "ftp://bucket/liver/a.svs", "file:///etc/passwd", "simplecache::s3://bucket/liver/a.svs", "s3:bucket/a.svs",
        "s3://bucket/liver/a\n.svs", "s3://bucket/liver/\x00.svs", f"s3://bucket/{'liver/' * 170}a.svs", "", "://",
        f"s3://bucket/liver/{'ä' * 126}.svs", "https://host/liver/.. /x.svs", "https://host/liver/..;a/x.svs",
    ],
)  # fmt: skip
def test_what_could_mean_something_else_is_no_address(text):
    assert url_of(text) is None


def test_a_path_is_no_url():
    assert [is_url(text) for text in ("/a/b.svs", "C:\\a.svs", "a.svs", "s3://b/a.svs", "dict::zip://a")] == [
        False, False, False, True, True,
    ]  # fmt: skip
