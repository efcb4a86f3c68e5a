from dataclasses import dataclass
from types import SimpleNamespace

from mmdnet.jobs import foreground


@dataclass
class View:
    status: str
    share_done: float
    message: str = ""

    @property
    def active(self) -> bool:
        return self.status in ("queued", "running")


def lab_of(*views):
    """A lab whose one job is seen as these, one after the other."""
    seen = iter(views)
    return SimpleNamespace(jobs=SimpleNamespace(get=lambda job_id: next(seen)))


def test_waiting_ends_with_the_job_and_tells_each_look(monkeypatch):
    monkeypatch.setattr(foreground, "LOOK_EVERY_S", 0)
    told = []
    lab = lab_of(View("queued", 0.0), View("running", 0.5, "half way"), View("done", 1.0, "all"))
    foreground.wait_for(lab, "one", lambda share, message: told.append((share, message)))
    assert told == [(0.0, "queued"), (0.5, "half way"), (1.0, "all")]


def test_a_worker_is_started_where_nobody_takes_the_job_and_ended_with_it(monkeypatch, tmp_path):
    monkeypatch.setattr(foreground, "LOOK_EVERY_S", 0)
    monkeypatch.setattr(foreground, "PATIENCE_S", -1.0)
    started, ended = [], []
    worker = SimpleNamespace(
        stdin=SimpleNamespace(close=lambda: ended.append("closed")), wait=lambda: ended.append("waited")
    )
    monkeypatch.setattr(foreground.subprocess, "Popen", lambda command, **how: started.append(command) or worker)
    lab = lab_of(View("queued", 0.0), View("queued", 0.0), View("running", 0.1), View("failed", 0.1))
    lab.settings = SimpleNamespace(home=tmp_path)
    foreground.wait_for(lab, "one", lambda share, message: None)
    assert len(started) == 1 and started[0][-2:] == ["--home", str(tmp_path.resolve())]
    assert ended == ["closed", "waited"]
