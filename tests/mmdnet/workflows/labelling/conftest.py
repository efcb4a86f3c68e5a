"""A reader's session and its queue."""

import pytest


@pytest.fixture
def view(label_bench):
    return label_bench.session()


@pytest.fixture
def items(label_bench, view):
    return label_bench.labels.sessions.queue(view.id)
