"""The queue has a file of its own; where a lab's queue lay in the lab's file, its jobs come along."""

import shutil

from mmdnet.jobs.queue import JobQueue
from mmdnet.jobs.queue_files import prepared_queue
from mmdnet.settings import Settings


def test_jobs_that_lay_in_the_labs_file_are_taken_over_once(new_home, tmp_path):
    home = shutil.copytree(new_home, tmp_path / "home")
    url = f"sqlite:///{home / 'lab.sqlite'}"
    (home / "jobs.sqlite").unlink()
    before = JobQueue(url)  # as builds before kept it
    before.prepare()
    before.submit("survey", "job-1")
    settings = Settings(home=home, database_url=url)
    queue = prepared_queue(settings)
    assert queue.url == f"sqlite:///{home / 'jobs.sqlite'}" and queue.active() == {"job-1"}
    queue.cancel("job-1")
    assert prepared_queue(settings).active() == set()
    assert before.active() == {"job-1"}  # what lies in the lab's file is as it was
