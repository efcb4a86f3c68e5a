import pytest

from mmdnet.errors import LabError
from mmdnet.labels.keys import USUAL


def test_names_are_tidied_and_a_taken_empty_or_long_one_is_refused(lab):
    project = lab.projects.create("  My   study ")
    assert project.name == "My study" and lab.projects.get(project.id) == project
    for name, why in (("My study", "already"), (" ", "1 to 80"), ("x" * 81, "1 to 80"), ("a\x07b", "1 to 80")):
        with pytest.raises(LabError, match=why):
            lab.projects.create(name)
    assert [known.name for known in lab.projects.list()] == ["My study"]
    another = lab.projects.create("A drawn one", simulated=True)
    assert list(lab.projects.names().items()) == [(project.id, "My study"), (another.id, "A drawn one")]
    assert [known.id for known in lab.projects.list()] == list(lab.projects.names())


def test_a_project_asked_for_by_name_is_made_once(lab):
    first = lab.projects.named("Study")
    assert lab.projects.named(" Study ") == first


def test_an_empty_project_goes_and_one_with_slides_stays(lab, tissue_png):
    from mmdnet.slides.facts import StatedFacts

    empty, full = lab.projects.create("Empty").id, lab.projects.create("Full").id
    lab.slides.register(full, tissue_png(), StatedFacts(mpp=0.5))
    lab.projects.remove(empty)
    with pytest.raises(LabError, match="holds slides"):
        lab.projects.remove(full)
    assert [(known.name, known.slides) for known in lab.projects.list()] == [("Full", 1)]


def test_a_reader_is_one_person_whatever_the_case(lab):
    ada = lab.readers.ensure("Ada")
    assert lab.readers.ensure("ADA") == ada == lab.readers.get(ada.id)
    assert lab.readers.list() == [ada]


def test_a_readers_keys_are_kept_and_two_acts_cannot_share_one(lab):
    ada = lab.readers.ensure("Ada").id
    act, other = list(USUAL)[:2]
    assert lab.readers.keys(ada) == USUAL
    changed = lab.readers.set_keys(ada, USUAL | {act: ";"})
    assert changed[act] == ";" and lab.readers.keys(ada) == changed
    with pytest.raises(LabError):
        lab.readers.set_keys(ada, USUAL | {act: USUAL[other]})
    assert lab.readers.keys(ada) == changed
