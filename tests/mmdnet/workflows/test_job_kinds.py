import pytest

from mmdnet.errors import LabError
from mmdnet.workflows.job_kinds import BY_NAME, KINDS, NoQueue, run_job
from tests.small_lab import JobInProcess


@pytest.fixture
def context(lab, tmp_path):
    return JobInProcess(lab.settings, tmp_path)


def test_each_kind_has_one_name_and_one_queue():
    assert len(BY_NAME) == len(KINDS)
    assert {name: kind.spec.queue for name, kind in BY_NAME.items()} == {
        "ingest": "cpu", "measure": "cpu", "map": "cpu", "train": "gpu", "score": "gpu", "evaluate": "gpu",
        "cross_validate": "gpu", "calibrate": "gpu", "field": "gpu", "augment": "gpu", "demo": "cpu", "features": "cpu", "learn": "cpu",
        "backbone": "cpu", "import_features": "cpu", "evidence_maps": "gpu", "score_again": "gpu", "search": "gpu", "deidentify": "cpu",
        "stains": "cpu",
    }  # fmt: skip


def test_a_queued_job_is_done_by_its_use_case_with_what_it_was_told(lab, tissue_png, context):
    from db.models import Job
    from mmdnet.slides.facts import StatedFacts

    project = lab.projects.create("Study").id
    job_id = lab.slides.submit(project, tissue_png(), StatedFacts(mpp=0.5, patient="P1"))
    with lab.db() as session:
        row = session.get(Job, job_id)
    run_job(row.kind, row.spec, context)
    assert [(slide.patient, slide.mpp_x) for slide in lab.slides.list(project)] == [("P1", 0.5)]
    assert context.told[-1][2]["added"] == 1


def test_a_job_another_version_wrote_is_refused_in_words(context):
    with pytest.raises(LabError, match="no job of the kind polish"):
        run_job("polish", {}, context)
    with pytest.raises(LabError, match="another version"):
        run_job("train", {"run": 3}, context)


def test_a_running_job_queues_no_other():
    queue = NoQueue()
    assert queue.states(["one"]) == {}
    for act in (
        lambda: queue.submit("demo", "one", "cpu", 1, None),
        lambda: queue.plan("one", "cpu", 1, None),
        lambda: queue.cancel("one"),
        lambda: queue.retry("one", "cpu"),
    ):
        with pytest.raises(RuntimeError):
            act()
