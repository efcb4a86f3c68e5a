from db.jobs import bury, job_failure, job_progress, leases, raise_beat
from db.models import Job


def test_a_job_says_how_far_it_is_and_why_it_failed(sessions):
    with sessions.begin() as session:
        session.add(Job(id="one", kind="demo", queue="cpu", title="Demo", spec={}))
    with sessions.begin() as session:
        job_progress(session, "one", 0.5, "half way", {"loss": 0.25})
        job_failure(session, "one", "The disk is full.")
    with sessions() as session:
        job = session.get(Job, "one")
        assert (job.share_done, job.message, job.progress, job.failure) == (
            0.5, "half way", {"loss": 0.25}, "The disk is full.",
        )  # fmt: skip
        assert job.updated_at >= job.created_at


def test_a_beat_is_raised_by_one_and_a_buried_worker_that_wakes_begins_anew(sessions):
    for beat in (1, 2):
        with sessions.begin() as session:
            raise_beat(session, "gpu-0", {"pid": beat})
        with sessions() as session:
            assert [(lease.executor_id, lease.beat, lease.info) for lease in leases(session)] == [
                ("gpu-0", beat, {"pid": beat})
            ]
    with sessions.begin() as session:
        assert bury(session, "gpu-0", 2)
        raise_beat(session, "gpu-0", {})
    with sessions() as session:
        assert [lease.beat for lease in leases(session)] == [1]


def test_of_two_survivors_one_buries_and_none_a_worker_that_gave_a_sign_since(sessions):
    with sessions.begin() as session:
        raise_beat(session, "gpu-0", {})
        raise_beat(session, "gpu-0", {})
    with sessions.begin() as session:
        assert [bury(session, "gpu-0", beat) for beat in (1, 2, 2)] == [False, True, False]
