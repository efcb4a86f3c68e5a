"""What a reader draws is kept as theirs alone, and goes to QuPath with its measures."""

import json

import pytest

from mmdnet.errors import LabError
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.slides import annotations
from mmdnet.workflows.slides.annotations import LONGEST_NOTE

SQUARE = [[100, 100], [300, 100], [300, 200], [100, 200]]


@pytest.fixture
def drawn_on(lab, tissue_png):
    """A lab's annotations, a slide of 0.5 µm a pixel, and two readers."""
    slide = lab.slides.register(lab.projects.create("Test").id, tissue_png(), StatedFacts(mpp=0.5))[0].slide_id
    return lab, slide, lab.readers.ensure("Ada").id, lab.readers.ensure("Ben").id


def test_a_reader_sees_names_and_takes_away_their_own_alone(drawn_on, monkeypatch):
    lab, slide, ada, ben = drawn_on
    kept = lab.slides.annotations
    length = kept.add(slide, ada, "length", [[0, 0], [300, 400]])
    area = kept.add(slide, ada, "area", SQUARE, note="  portal   tract ")
    assert [(mine.words, mine.note) for mine in kept.of_slide(slide, ada)] == [
        ("250 µm", ""),
        ("5000 µm²", "portal tract"),
    ]
    assert kept.of_slide(slide, ben) == []
    for act in (
        lambda: kept.remove(slide, ben, length.id),
        lambda: kept.set_note(slide, ben, length.id, "mine"),
        lambda: kept.remove(slide, ada, 999),
        lambda: kept.set_note(slide, ada, area.id, "x" * (LONGEST_NOTE + 1)),
        lambda: kept.add(slide, ada, "length", [[0, 0], [0, 0]]),
        lambda: kept.add(slide, 999, "length", [[0, 0], [9, 9]]),
    ):
        with pytest.raises(LabError):
            act()
    kept.set_note(slide, ada, length.id, "septum")
    kept.remove(slide, ada, area.id)
    assert [mine.note for mine in kept.of_slide(slide, ada)] == ["septum"]
    monkeypatch.setattr(annotations, "MOST", 1)
    with pytest.raises(LabError, match="more are not kept"):
        kept.add(slide, ada, "area", SQUARE)
    lab.slides.remove(slide)
    with pytest.raises(LabError):
        kept.of_slide(slide, ada)


def test_what_was_drawn_under_another_name_of_the_same_reader_is_theirs(drawn_on):
    lab, slide, ada, ben = drawn_on
    before = lab.slides.annotations.add(slide, ada, "area", SQUARE)
    lab.readers.merge(ada, ben)
    assert [mine.id for mine in lab.slides.annotations.of_slide(slide, ben)] == [before.id]
    lab.slides.annotations.remove(slide, ben, before.id)
    assert lab.slides.annotations.of_slide(slide, ben) == []


def test_nothing_is_measured_before_the_scale_is_known(lab, tissue_png):
    slide = lab.slides.register(lab.projects.create("Test").id, tissue_png())[0].slide_id
    ada = lab.readers.ensure("Ada").id
    with pytest.raises(LabError, match="Enter µm per pixel first"):
        lab.slides.annotations.add(slide, ada, "area", SQUARE)
    assert lab.slides.annotations.of_slide(slide, ada) == []


def test_they_go_to_qupath_with_their_measures_and_come_back_without_harm(drawn_on):
    lab, slide, ada, ben = drawn_on
    lab.slides.annotations.add(slide, ada, "length", [[0, 0], [300, 400]], "septum")
    lab.slides.annotations.add(slide, ada, "area", SQUARE)
    text = lab.qupath.export(slide, ada)
    line, area = [
        feature
        for feature in json.loads(text)["features"]
        if (feature["properties"].get("classification") or {}).get("name") == "Measured"
    ]
    assert line["geometry"] == {"type": "LineString", "coordinates": [[0, 0], [300, 400]]}
    assert (line["properties"]["name"], line["properties"]["measurements"]) == ("septum", {"length µm": 250.0})
    assert area["geometry"]["coordinates"] == [[*SQUARE, SQUARE[0]]]
    assert area["properties"]["measurements"] == {"length µm": 300.0, "area µm²": 5000.0}
    assert line["properties"]["objectType"] == area["properties"]["objectType"] == "annotation"
    assert "Measured" not in lab.qupath.export(slide, ben) and "Measured" not in lab.qupath.export(slide)
    before = [patch.set_aside for patch in lab.slides.patches(slide)]
    with pytest.raises(LabError, match="holds no region of class"):
        lab.qupath.bring(slide, "drawn.geojson", text.encode(), "Ada", ada)
    assert [patch.set_aside for patch in lab.slides.patches(slide)] == before
