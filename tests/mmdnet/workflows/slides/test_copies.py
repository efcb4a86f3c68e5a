"""A de-identified copy is made by a job, lies in the lab's folder, and is made once."""

import pytest

from db.models import Slide
from mmdnet.errors import LabError
from mmdnet.workflows.job_specs import DeidentifySpec
from mmdnet.workflows.services import copy_name
from tests.small_lab import JobInProcess


def test_a_copy_is_queued_made_told_where_it_lies_and_gone_with_its_slide(lab, real_data, tmp_path, tissue_png):
    project = lab.projects.create("Test").id
    scan = lab.slides.register(project, real_data / "slides" / "cmu-1-small-region.svs", measure=False)[0].slide_id
    job = lab.jobs.get(lab.slides.copies.submit(scan))
    assert (job.kind, job.title) == (DeidentifySpec.kind, "De-identified copy of cmu-1-small-region.svs")
    context = JobInProcess(lab.settings, tmp_path)
    lab.slides.copies.run(context, scan)
    (copy,) = (lab.settings.home / "copies").iterdir()
    assert str(copy) in context.told[-1][1] and "cmu" not in copy.name and "387 × 463" in context.told[-1][1]
    stamp = copy.stat().st_mtime_ns
    lab.slides.copies.run(context, scan)
    assert copy.stat().st_mtime_ns == stamp and context.told[-1][1].endswith(str(copy))
    other = lab.projects.create("Other").id
    twin = lab.slides.register(other, real_data / "slides" / "cmu-1-small-region.svs", measure=False)[0].slide_id
    lab.slides.remove(twin)
    assert copy.exists()  # it is the first one's, too
    picture = lab.slides.register(project, tissue_png("region.svs.png"))[0].slide_id
    assert lab.slides.copies.job(scan) == job and lab.slides.copies.job(picture) is None
    with pytest.raises(LabError, match="cannot be de-identified here"):
        lab.slides.copies.run(context, picture)
    stranger = copy.with_name("kept.svs")
    stranger.write_bytes(b"")
    lab.slides.remove(scan)
    assert list(copy.parent.iterdir()) == [stranger]
    with lab.db() as session:
        copy.with_name(f"{copy_name(session.get(Slide, picture).fingerprint)}.png").write_bytes(b"")
    lab.jobs.cancel(job.id)
    lab.projects.delete(project, "Test")  # with the picture in it
    assert list(copy.parent.iterdir()) == [stranger] and (real_data / "slides" / "cmu-1-small-region.svs").exists()
