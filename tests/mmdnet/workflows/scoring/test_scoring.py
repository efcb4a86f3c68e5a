"""What is refused before a scoring is queued, and what the queued job is told."""

import pytest

from db.models import Job
from mmdnet.errors import LabError


def test_nothing_is_queued_for_no_slide_another_projects_slide_or_an_unknown_rule(scored):
    lab, model = scored.lab, scored.lab.models.shipped()
    other = lab.projects.create("Other").id
    for slides, project, rule, words in (
        ([], scored.project, "auto", "No slide was chosen"),
        ([scored.slide], other, "auto", "belongs to another project"),
        ([scored.slide], scored.project, "guess", "no aggregation rule called 'guess'; known are auto, "),
    ):
        with pytest.raises(LabError, match=words):
            lab.scoring.start(project, slides, model, rule)
    assert not lab.jobs.list(scored.project) and not lab.jobs.list(other)


def test_a_slide_without_patches_is_refused_with_its_reason(scored, tissue_png):
    lab = scored.lab
    without = lab.slides.register(scored.project, tissue_png("scale.png", seed=9))[0].slide_id
    with pytest.raises(LabError, match=r"scale\.png cannot be scored yet: .*µm"):
        lab.scoring.start(scored.project, [without], lab.models.shipped())


def test_the_job_says_what_it_scores_and_how(scored):
    lab = scored.lab
    job = lab.jobs.get(lab.scoring.start(scored.project, [scored.slide], lab.models.shipped(), "max"))
    assert job.title.startswith(f"Score {lab.slides.get(scored.slide).name} with ")
    with lab.db() as session:
        assert session.get(Job, job.id).spec["rule"] == "max"
