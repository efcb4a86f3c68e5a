"""[kill] Kill -9 of app, worker, child, all, or the database, while people label and the lab adds, trains and scores.

Once with SQLite, once with a PostgreSQL server of its own, whose postmaster is killed too. What is killed is started
again as the launcher does; nobody presses anything. A child is not killed twice before its job has got further: at the
third such death in a row the lab gives a job up, as it says (`DEATHS_LIMIT` of the worker). Augmentation has
`augment-kill`, and a dead host on PostgreSQL `take-over`.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psutil
from sqlalchemy import select

from benchmarks._label_home import LabelLab, label_lab
from benchmarks._presses import Pressed, pressing
from benchmarks._workers import PATIENCE_S, kill_all, postgres_server, until
from benchmarks.result import Result
from db.engine import damage_of
from db.models import LabelEvent, Score
from mmdnet.labels.grading import TASKS, Grades
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import PatchGrades
from tests.browser.drawn import draw_field
from tests.postgres import Server
from tests.small_lab import SHORT_TRAINING

VICTIMS = ("app", "worker", "child", "all")
DATABASE = "database"
QUEUES = ("cpu", "gpu")
MOMENTS, QUICK_MOMENTS = 300, 12
POSTGRES_MOMENTS, QUICK_POSTGRES_MOMENTS = 50, 5  # beside them
EPOCHS = 4
PATCHES = 300  # to be labelled over and over


@dataclass
class Lives:
    """The lab's processes; what has died is started again, as the launcher does."""

    bench: LabelLab
    server: Server | None = None
    killed: Counter[str] = field(default_factory=Counter)
    _shares: dict[str, float] = field(default_factory=dict)  # of running jobs, done when a child was last killed

    def revive(self) -> None:
        if self.server is not None:
            self.server.start()
            until(self._answers, "The database's answer")
        running = self.bench.running
        if running.app is None or running.app.poll() is not None:
            running.start_app(PATIENCE_S)
        alive = {tuple(process.args): process for process in running.workers if process.poll() is None}
        running.workers[:] = alive.values()
        for queue in QUEUES:
            if not any(queue in arguments for arguments in alive):
                running.start_worker(queue, queue)

    def _answers(self) -> bool:
        """Whether our own connections have found that the server is back."""
        try:
            self.bench.lab.jobs.list()
        except Exception:
            return False
        return True

    def strike(self, victim: str) -> bool:
        """Kill -9: the app, a worker (its child has to see by itself that it is gone), a job's child, the database's
        postmaster, or all.

        False: there was no child that may be killed now.
        """
        running = self.bench.running
        app, workers = running.app, [process.pid for process in running.workers]
        if victim == "all":
            if self.server is not None:
                self.server.kill()
            kill_all([*([app.pid] if app else []), *workers])
        elif victim == DATABASE:
            assert self.server is not None
            self.server.kill()
        elif victim == "child":
            if not self._strike_child(workers):
                return False
        else:
            struck = app if victim == "app" else random.choice(running.workers)
            assert struck is not None
            struck.kill()
            struck.wait()
        self.killed[victim] += 1
        return True

    def _strike_child(self, workers: list[int]) -> bool:
        """Whether one was killed: none is where a job has got no further since the last time."""
        going = {job.id: job.share_done for job in self.bench.lab.jobs.list(active=True) if job.status == "running"}
        children = [child for pid in workers for child in psutil.Process(pid).children()]
        if not children or any(share <= self._shares.get(job, -1.0) for job, share in going.items()):
            return False
        random.choice(children).kill()
        self._shares = going
        return True


def run(quick: bool = False) -> Result:
    """`value` is all that was lost, doubled, repeated, failed or damaged.

    Quick: 12 moments and 5 with PostgreSQL, not 300 and 50.
    """
    random.seed(3)
    lite = _struck(_drawn(VICTIMS, QUICK_MOMENTS if quick else MOMENTS), 8 if quick else 20)
    victims = _drawn((*VICTIMS, DATABASE), QUICK_POSTGRES_MOMENTS if quick else POSTGRES_MOMENTS)
    with postgres_server() as server:
        full = _struck(victims, 8 if quick else 20, server)
    beside = {"reach": 0, "reach_is": "most", "sqlite": lite, "postgresql": full}
    faults = [*lite["faults"].values(), *full["faults"].values()]
    n = sum(lite["kills"].values()) + sum(full["kills"].values())
    return Result("kill", sum(faults), "labels, jobs and epochs lost or doubled", beside, n)


def _drawn(victims: tuple[str, ...], moments: int) -> list[str]:
    """Each victim as often as the others, in a drawn order."""
    return random.sample(victims * (moments // len(victims)), moments)


def _struck(victims: list[str], longest_s: float, server: Server | None = None) -> dict[str, Any]:
    """What came of killing these in turn, each after up to so many seconds."""
    with label_lab(PATCHES, server.url if server else "") as bench:
        lives, session = Lives(bench, server), bench.session("Ada", PATCHES)
        project = _graded_project(bench)
        lives.revive()
        jobs: list[str] = []
        runs: list[int] = []
        with pressing(bench, "Ada", session) as told:
            until(lambda: told.saved, "The first label")
            for victim in victims:
                struck = False
                while not struck:
                    if all(_over(bench.lab, job) for job in jobs):
                        jobs += _work(bench, project, len(jobs), runs)
                    time.sleep(random.uniform(0.5, longest_s))
                    struck = lives.strike(victim)
                    lives.revive()
            until(lambda: all(_over(bench.lab, job) for job in jobs), "The end of all jobs", 2 * PATIENCE_S)
        faults = _faults(bench, told, jobs, runs)
        ended = [bench.lab.jobs.get(job) for job in jobs]
    return {
        "faults": faults,
        "kills": dict(lives.killed),
        "not_done": [f"{job.title}: {job.status}. {job.failure}" for job in ended if job.status != "done"],
        "labels_acknowledged": len(told.saved),
        "jobs": len(jobs),
        "trainings": len(runs),
    }


def _graded_project(bench: LabelLab) -> int:
    """A project with two graded slides to train on."""
    lab, rng = bench.lab, random.Random(0)
    project, reader = lab.projects.create("Struck").id, lab.readers.ensure("Teacher").id
    for number in range(2):
        path = bench.running.home / f"graded-{number}.png"
        draw_field(path, 4, 3, seed=number)
        (outcome,) = lab.slides.register(project, path, StatedFacts(mpp=0.5, patient=f"P{number}"))
        assert outcome.slide_id is not None, outcome.problem
        drawn = [
            PatchGrades(patch.id, Grades(**{task.name: rng.randrange(len(task.grades)) for task in TASKS}))
            for patch in lab.slides.patches(outcome.slide_id)
        ]
        lab.labels.acts.put_many(project, reader, drawn)
    return project


def _work(bench: LabelLab, project: int, number: int, runs: list[int]) -> list[str]:
    """Another slide to add, a training, and a scoring of all slides there are."""
    lab, path = bench.lab, bench.running.home / f"added-{number}.png"
    draw_field(path, 5, 4, seed=100 + number)
    added = lab.slides.submit(project, path, StatedFacts(mpp=0.5, patient=f"A{number}"))
    runs.append(lab.training.start(project, SHORT_TRAINING | {"epochs": EPOCHS, "bags_per_epoch": 8}))
    ready = [slide.id for slide in lab.slides.list(project) if slide.status == "ready"]
    scored = lab.scoring.start(project, ready, lab.models.shipped())
    training = lab.training.get(runs[-1]).job
    assert training is not None
    return [added, training.id, *scored]


def _over(lab: Lab, job: str) -> bool:
    return lab.jobs.get(job).status in ("done", "failed", "cancelled")


def _faults(bench: LabelLab, told: Pressed, jobs: list[str], runs: list[int]) -> dict[str, int]:
    lab = bench.lab
    with lab.db() as session:
        kept = Counter(session.scalars(select(LabelEvent.key)))
        scored = Counter(session.execute(select(Score.slide_id, Score.job_id)).tuples().all())
    names = Counter(slide.name for project in lab.projects.list() for slide in lab.slides.list(project.id))
    settings = lab.settings
    return {
        "labels_lost": len(told.saved.keys() - kept.keys()),
        "labels_refused": len(told.refused),
        "jobs_not_done": sum(lab.jobs.get(job).status != "done" for job in jobs),
        "slides_twice": sum(times > 1 for times in names.values()),
        "scores_twice": sum(times > 1 for times in scored.values()),
        "epochs_lost_or_twice": sum(_epochs(lab, run) != EPOCHS for run in runs),
        "records_broken": sum(not verdict.intact for verdict in lab.labels.record.verify_all()),
        "databases_damaged": sum(bool(damage_of(url)) for url in (settings.lab_url, settings.queue_url)),
    }


def _epochs(lab: Lab, run: int) -> int:
    """How many there were, each once, none before the first; -1 where one is missing or came twice."""
    numbers = [int(row["epoch"]) for row in lab.training.history(run)]
    first = numbers[0] if numbers else 0
    return len(numbers) if numbers == list(range(first, first + len(numbers))) else -1
