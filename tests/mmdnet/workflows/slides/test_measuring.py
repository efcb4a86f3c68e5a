"""Patches can be labelled before they are measured; measuring goes on where it was stopped."""

import pytest

from mmdnet.progress import silent
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides import measuring
from mmdnet.workflows.slides.measuring import measure_slide


@pytest.fixture
def services(lab) -> Services:
    return Services(lab.settings, lab.db, None)


@pytest.fixture
def laid(lab, tissue_png) -> int:
    """A slide with patches that are not measured."""
    project = lab.projects.create("Test").id
    return lab.slides.register(project, tissue_png(side=1300), StatedFacts(mpp=0.5), measure=False)[0].slide_id


def label(lab, slide, patch) -> None:
    """One grade of one reader on a patch, as a file brings it."""
    view = lab.slides.get(slide)
    text = f"slide,x_px0,y_px0,reader,steatosis\n{view.name},{patch.x_px0},{patch.y_px0},Ada,1\n"
    assert lab.labels.files.import_file(view.project_id, "labels.csv", text.encode()).imported == 1


def test_a_slide_is_laid_with_patches_before_anything_is_measured(lab, laid):
    slide, patches = lab.slides.get(laid), lab.slides.patches(laid)
    assert slide.status == "ready" and not slide.measured and slide.fat_area_share is None
    assert patches and all(patch.fat_area_share is None and set(patch.quality) == {"edge_share"} for patch in patches)
    assert any(patch.usable for patch in patches)


def test_it_can_be_labelled_meanwhile_and_what_was_labelled_stays_in_use(lab, laid, services, monkeypatch):
    first = next(patch for patch in lab.slides.patches(laid) if patch.usable)
    label(lab, laid, first)
    assess = measuring.measure

    def all_spoilt(*given):
        for index, patch in assess(*given):
            yield index, measuring.SurveyedPatch(patch.place, patch.quality, "blur")

    monkeypatch.setattr(measuring, "measure", all_spoilt)
    measure_slide(services, laid)
    usable = [patch.id for patch in lab.slides.patches(laid) if patch.usable]
    assert usable == [first.id]


def test_measured_at_once_in_parts_or_after_a_stop_is_the_same(lab, laid, services, monkeypatch, tissue_png):
    monkeypatch.setattr(measuring, "WRITE_EVERY_S", 0.0)

    class StopError(Exception):
        pass

    def stop(share, message, /, **numbers):
        if share > 0.4:
            raise StopError

    with pytest.raises(StopError):
        measure_slide(services, laid, stop)
    half = [patch.id for patch in lab.slides.patches(laid) if "focus" in patch.quality]
    assert 0 < len(half) < len(lab.slides.patches(laid)) and not lab.slides.get(laid).measured
    measure_slide(services, laid, silent)
    other = lab.projects.create("Other").id
    at_once = lab.slides.register(other, tissue_png(side=1300), StatedFacts(mpp=0.5))[0].slide_id
    first, second = (
        [(p.row, p.col, p.set_aside, p.quality, p.fat_area_share) for p in lab.slides.patches(slide)]
        for slide in (laid, at_once)
    )
    assert first == second
    assert lab.slides.get(laid).fat_area_share == lab.slides.get(at_once).fat_area_share
    assert lab.slides.measuring.submit(laid) is None


def test_a_slide_without_a_patch_to_use_says_so(lab, laid, services, monkeypatch):
    whole = measuring.measure
    monkeypatch.setattr(
        measuring,
        "measure",
        lambda *given: ((i, measuring.SurveyedPatch(patch.place, {}, "unreadable")) for i, patch in whole(*given)),
    )
    measure_slide(services, laid)
    slide = lab.slides.get(laid)
    assert (slide.usable, slide.measured) == (0, True) and "None of its patches can be decoded" in slide.notes[0]


def test_a_slide_taken_out_meanwhile_stops_nothing(lab, laid):
    lab.slides.remove(laid)
    lab.slides.embedding.measure(None, laid)
