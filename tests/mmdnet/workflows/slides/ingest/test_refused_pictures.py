"""Pictures of refused slides are kept for a day."""

import os

import pytest

from mmdnet.settings import Settings
from mmdnet.workflows.slides.ingest.refused_pictures import KEPT_S, RefusedPictures
from mmdnet.workflows.slides.views import IngestOutcome


@pytest.fixture
def pictures(tmp_path) -> RefusedPictures:
    return RefusedPictures(Settings(home=tmp_path))


OUTCOMES = (IngestOutcome("in", 1, None), IngestOutcome("glass", None, "No tissue.", b"png"))


def test_only_what_was_seen_is_kept_by_its_number(pictures):
    assert pictures.keep("job", OUTCOMES) == {"1": "No tissue."}
    assert pictures.get("job", "1") == b"png"
    assert pictures.get("job", "0") is None
    assert pictures.get("other", "1") is None


def test_what_is_older_than_a_day_goes_when_the_next_is_kept(pictures, tmp_path):
    pictures.keep("old", OUTCOMES)
    (file,) = tmp_path.rglob("old-1.png")
    os.utime(file, (file.stat().st_mtime - KEPT_S - 5,) * 2)
    pictures.keep("new", OUTCOMES)
    assert (pictures.get("old", "1"), pictures.get("new", "1")) == (None, b"png")
