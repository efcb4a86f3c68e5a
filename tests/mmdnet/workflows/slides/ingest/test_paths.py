"""Paths as people write them in one line."""

import pytest

from mmdnet.workflows.slides.ingest.paths import paths_in, written


@pytest.mark.parametrize(
    ("line", "paths"),
    [
        ("/a/b.svs", ["/a/b.svs"]),
        ("  '/a/b c.svs' ", ["/a/b c.svs"]),
        ('/a.svs; "/b.svs";/c/O\'Brien.svs ;', ["/a.svs", "/b.svs", "/c/O'Brien.svs"]),
        ('"/a;b.svs"; /c.svs', ["/a;b.svs", "/c.svs"]),
        ("file:///a%20b.svs", ["/a b.svs"]),
        (" ; ;", []),
        ("\0", ["\0"]),
    ],
)
def test_a_line_holds_one_path_or_several(line, paths):
    assert paths_in(line) == paths
    assert paths_in(written(paths)) == paths
