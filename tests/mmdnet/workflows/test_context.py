"""A job's progress stops an attempt that is no longer the one that may publish."""

from types import SimpleNamespace

import pytest

from mmdnet.workflows.context import checked


def test_progress_is_told_while_the_attempt_may_publish_and_stops_it_afterwards():
    told, fenced = [], []

    def check():
        if fenced:
            raise RuntimeError("another attempt goes on")

    def progress(share, message, /, **numbers):
        told.append((share, message, numbers))

    tell = checked(SimpleNamespace(check=check, progress=progress))
    tell(0.5, "half", epoch=3)
    fenced.append(True)
    with pytest.raises(RuntimeError, match="another attempt"):
        tell(0.6, "more")
    assert told == [(0.5, "half", {"epoch": 3})]
