"""One slide to look at: whose labels are shown, and which patch is chosen."""

from types import SimpleNamespace

import pytest

from tests.ui.shell.test_words import slide
from ui.slides import overview


class Labels:
    """Two labels of each slide, and who asked for whose."""

    def __init__(self):
        self.asked = []

    def current(self, project_id, reader_id, slide_id):
        self.asked.append((project_id, reader_id, slide_id))
        return [SimpleNamespace(patch_id=patch) for patch in (1, 2)]


@pytest.fixture
def labels(monkeypatch) -> Labels:
    labels = Labels()
    monkeypatch.setattr(overview, "lab", lambda: SimpleNamespace(labels=labels))
    return labels


def test_only_the_readers_own_labels_of_this_slide_are_shown(labels, monkeypatch):
    monkeypatch.setattr(overview, "reader", lambda: SimpleNamespace(id=5))
    assert list(overview.own_labels(slide(project_id=9))) == [1, 2]
    assert labels.asked == [(9, 5, 1)]


def test_without_a_reader_no_label_is_asked_for(labels, monkeypatch):
    monkeypatch.setattr(overview, "reader", lambda: None)
    assert overview.own_labels(slide()) == {}
    assert labels.asked == []


@pytest.mark.parametrize(("address", "chosen"), [(7, 7), (9, None), (None, None)])
def test_the_chosen_patch_is_the_addresss_if_it_lies_on_the_slide(monkeypatch, address, chosen):
    monkeypatch.setattr(overview, "at", lambda what: address if what == "patch" else None)
    patch = overview.chosen_patch(slide(), [SimpleNamespace(id=6), SimpleNamespace(id=7)])
    assert getattr(patch, "id", None) == chosen
