"""Stains are proposed when slides come in, and stand only once a person confirmed them."""

import pytest

from db.models import Slide
from mmdnet.errors import LabError
from mmdnet.slides.facts import HE, StatedFacts
from mmdnet.workflows.job_kinds import run_job
from tests.small_lab import JobInProcess


def test_what_colours_look_like_is_kept_and_only_a_person_makes_it_the_stain(lab, tissue_png, tmp_path):
    project = lab.projects.create("Test").id
    for name in ("a.png", "b.png"):
        lab.slides.register(project, tissue_png(name, seed=ord(name[0])), StatedFacts(mpp=0.5), measure=False)
    lab.slides.register(project, tissue_png("c.png", seed=3), StatedFacts(stain="PAS"))
    slides = {slide.name: slide for slide in lab.slides.list(project)}
    assert [slide.stain for slide in slides.values()] == [None, None, "PAS"]
    assert slides["a.png"].proposed_stain == slides["b.png"].proposed_stain == HE
    assert slides["c.png"].stain_certainty is None  # it has no patches yet
    with lab.db.begin() as session:  # as a build that knew of no proposals left it
        session.get(Slide, slides["b.png"].id).proposed_stain = None
        session.get(Slide, slides["b.png"].id).stain_certainty = None
    everyone = [slide.id for slide in slides.values()]
    lab.slides.stains.propose(everyone)
    assert lab.slides.get(slides["b.png"].id).stain_certainty == pytest.approx(slides["b.png"].stain_certainty)
    assert lab.slides.stains.confirm(everyone) == 2 and lab.slides.stains.confirm(everyone) == 0
    assert [slide.stain for slide in lab.slides.list(project)] == [HE, HE, "PAS"]
    assert "b.png: H&E" in {change.what for change in lab.projects.changes(project) if change.act == "stain confirmed"}
    (tmp_path / "b.png").unlink()
    both = [slides["b.png"].id, slides["a.png"].id]
    with lab.db.begin() as session:
        for slide in (session.get(Slide, key) for key in both):
            slide.stain = slide.stain_certainty = None
    job = lab.jobs.get(lab.slides.stains.submit(both))
    assert (job.title, job.project_id) == ("Look at the colours of 2 slides", project)
    context = JobInProcess(lab.settings, tmp_path)
    run_job(job.kind, {"slide_ids": [*both, 999]}, context)  # those that are gone keep no other from being looked at
    assert context.told[-1][1].startswith("1 slide looked at. ") and "b.png" in context.told[-1][1]
    assert "no slide with the number 999" in context.told[-1][1]
    assert lab.slides.get(both[1]).stain_certainty is not None
    with pytest.raises(LabError, match=r"b\.png"):
        run_job(job.kind, {"slide_ids": both[:1]}, context)
    other = lab.projects.create("Other").id
    stranger = lab.slides.register(other, tissue_png("d.png", seed=4))[0].slide_id
    for wrong, why in (([], "Name a slide"), ([999], "no slide"), ([both[0], stranger], "more than one project")):
        with pytest.raises(LabError, match=why):
            lab.slides.stains.submit(wrong)
