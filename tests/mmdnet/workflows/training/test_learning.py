"""Learning while one labels: when it is due, what a version is made of, and what goes by it."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from db import light_models as rows
from db import sessions as queues
from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.job_specs import LearnSpec
from mmdnet.workflows.labelling.views import LabelAct, PatchGrades, QueueChoice
from mmdnet.workflows.slides.feature_store.extractor import Extractor
from mmdnet.workflows.training.learning import EVERY_LABELS, FIRST_LABELS, labels_between
from mmdnet.workflows.training.light_fit import features_sha256
from tests.small_lab import JobInProcess

SIDE = 299


def _tissue(path, fat, seed):
    """Four rows of six patches; `fat` says of each whether it is full of white holes."""
    rng = np.random.default_rng(seed)
    picture = np.clip(np.array([205, 140, 185]) + rng.normal(0, 14, (SIDE * 4, SIDE * 6, 3)), 0, 255)
    yy, xx = np.mgrid[:SIDE, :SIDE]
    holes = ((xx % 40 - 20) ** 2 + (yy % 40 - 20) ** 2) < 15**2
    for n, is_fat in enumerate(fat):
        row, col = divmod(n, 6)
        if is_fat:
            picture[row * SIDE : (row + 1) * SIDE, col * SIDE : (col + 1) * SIDE][holes] = 235
    Image.fromarray(picture.astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A lab of three patients whose reader has graded most patches of the first two slides, after one learning."""
    home = tmp_path_factory.mktemp("learnt")
    lab = open_lab(Settings(home=home))
    project, reader = lab.projects.create("Live").id, lab.readers.ensure("Ada").id
    truth = {}
    for number in range(3):
        path = home / f"slide_{number}.png"
        fat = np.random.default_rng(number).random(24) < 0.5
        _tissue(path, fat, number)
        (outcome,) = lab.slides.register(project, path, StatedFacts(mpp=0.5, patient=f"P{number}"))
        for patch in lab.slides.patches(outcome.slide_id):
            y, x = (patch.y_px0 + SIDE / 2) // SIDE, (patch.x_px0 + SIDE / 2) // SIDE
            truth.setdefault(outcome.slide_id, {})[patch.id] = 3 * int(fat[int(min(3, y) * 6 + min(5, x))])
    slides = sorted(truth)
    view = lab.labels.sessions.create(project, reader, "Uncertain", QueueChoice(slides, None, "uncertain", total=40))
    assert lab.learning.after_labels(project) is None, "there is nothing to learn from"
    labelled = [(p, g) for slide in slides[:2] for p, g in truth[slide].items()][: FIRST_LABELS + 10]
    given = [PatchGrades(p, Grades(steatosis=g, inflammation=g)) for p, g in labelled]
    lab.labels.acts.put_many(project, reader, given, act="import")
    context = JobInProcess(lab.settings, home / "job", "job-1")
    version = lab.learning.run(context, project)
    return lab, project, reader, slides, truth, dict(labelled), view, version


def test_the_first_version_says_what_it_learnt_from_and_how_good_it_is(learnt):
    lab, project, *_, labelled, _, version = learnt
    assert (version.number, version.labels, version.backbone) == (1, len(labelled), "efficientnet-lite0")
    for kappa in (version.estimate.kappa["steatosis"], version.estimate.kappa["inflammation"]):
        assert kappa.value > 0.6 and kappa.low is None, "two patients are too few for an interval"
    with lab.db() as session:
        row = rows.newest(session, project)
        assert row.label_set["patches"] == len(labelled) and row.label_set["events"] == rows.last_event(session)
        assert len(row.label_set["last_event_hash"]) == 64 and row.job_id == "job-1"


def test_open_sessions_follow_it_and_keep_their_audit_and_their_next_places(learnt):
    lab, _, _, slides, _, labelled, view, _ = learnt
    assert lab.learning.order_of(view.id) == 1
    with lab.db() as session:
        items = queues.items(session, view.id, 0, 100)
    assert [item.position for item in items] == list(range(40))
    assert sum(item.stream == "audit" for item in items) == 8
    assert lab.labels.sessions.get(view.id).patches == 40
    last = [item.patch.id for item in items[20:] if item.stream == "plan"]
    unlabelled = {p for slide in slides for p in lab_patches(lab, slide)} - set(labelled)
    assert set(last) & unlabelled


def lab_patches(lab, slide):
    return [patch.id for patch in lab.slides.patches(slide)]


def test_the_same_labels_make_no_second_version_and_look_at_no_slide(learnt, tmp_path, monkeypatch):
    lab, project, *_ = learnt
    monkeypatch.setattr("mmdnet.workflows.training.learning.see_slide", None)
    again = JobInProcess(lab.settings, tmp_path, "again")
    assert lab.learning.run(again, project).number == 1 and again.told[-1][1] == "nothing new since light model 1"
    assert [version.number for version in lab.learning.versions(project)] == [1]


LEARNS = """
import sys
from pathlib import Path
from mmdnet.settings import Settings
from mmdnet.workflows.job_kinds import run_job
from tests.small_lab import JobInProcess

home, project, folder = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
context = JobInProcess(Settings(home=home), folder, "upgraded")
run_job("learn", {"project_id": project, "last_event": 0}, context)
print(context.told[-1][1])
print({"torch", "timm"} & set(sys.modules))
"""


def test_a_version_of_an_earlier_build_is_made_anew_of_the_same_labels_and_what_is_kept_needs_no_torch(
    learnt, tmp_path
):
    lab, project, *_ = learnt
    with lab.db.begin() as session:
        rows.newest(session, project).backbone_sha256 = "0" * 64
    extractor = Extractor.frozen("efficientnet-lite0", SIDE)
    command = [sys.executable, "-c", LEARNS, str(lab.settings.home), str(project), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["light model 2 made", "set()"], done.stderr
    version = lab.learning.versions(project)[0]
    assert (version.number, version.labels) == (2, FIRST_LABELS + 10)
    with lab.db.begin() as session:
        session.delete(rows.newest(session, project))
        rows.newest(session, project).backbone_sha256 = features_sha256(extractor)


def test_a_job_that_is_stopped_before_the_end_leaves_no_half_version(learnt, tmp_path):
    lab, project, reader, slides, truth, labelled, *_ = learnt
    more = [(p, g) for p, g in truth[slides[1]].items() if p not in labelled][:2]
    lab.labels.acts.put_many(project, reader, [PatchGrades(p, Grades(steatosis=g)) for p, g in more], act="import")
    with pytest.raises(KeyboardInterrupt):
        lab.learning.run(JobInProcess(lab.settings, tmp_path, "stopped", last="learning from"), project)
    assert [version.number for version in lab.learning.versions(project)] == [1]
    assert lab.learning.run(JobInProcess(lab.settings, tmp_path, "resumed"), project).number == 2


def test_a_labelled_patch_is_told_by_heads_that_saw_nothing_of_its_patient(learnt):
    lab, project, _, slides, _, labelled, *_ = learnt
    version = lab.learning.versions(project)[0]
    folder = lab.settings.home / "light" / str(project) / str(version.number)
    from safetensors.numpy import load_file

    from mmdnet.labels.light import DENSITY, FAT, LightModel

    heads = LightModel.of_arrays(load_file(folder / "heads.safetensors"))
    assert {name: head.reads for name, head in heads.heads.items()} == {"inflammation": DENSITY, "steatosis": FAT}
    told = load_file(folder / f"slide-{slides[0]}.safetensors")
    rows_ = np.isin(told["patch_id"], list(labelled))
    assert rows_.any() and np.isfinite(told["steatosis"][rows_]).all() and np.isfinite(told["inflammation"]).all()


def test_it_is_queued_after_enough_labels_and_not_while_it_runs(learnt):
    lab, project, reader, slides, truth, *_ = learnt
    fresh = [PatchGrades(p, Grades(steatosis=g)) for p, g in truth[slides[2]].items()]
    lab.labels.acts.put_many(project, reader, fresh[: EVERY_LABELS - 1], act="import")
    assert lab.learning.after_labels(project) is None, "too few are new to the newest version, queued by hand or not"
    lab.labels.acts.put_many(project, reader, fresh[:EVERY_LABELS], act="import")
    with ThreadPoolExecutor(4) as at_one_moment:
        (first,) = set(at_one_moment.map(lab.learning.after_labels, [project] * 4)) - {None}
    job = lab.jobs.get(first)
    assert (job.kind, job.status) == (LearnSpec.kind, "queued")
    assert lab.learning.state(project).job.id == lab.learning.submit(project) == first, "one that waits is taken"
    again = [PatchGrades(p, Grades(steatosis=1)) for p in list(truth[slides[2]])[:EVERY_LABELS]]
    lab.labels.acts.put_many(project, reader, again, act="import")
    assert lab.learning.after_labels(project) is None, "one waits already"
    lab.jobs.cancel(first)
    assert lab.learning.after_labels(project) not in (None, first)


@pytest.mark.parametrize("labels, more", [(30, 20), (400, 20), (2_000, 100)])
def test_the_more_labels_there_are_the_more_are_to_be_new(labels, more):
    assert labels_between(labels) == more


def test_labels_of_another_project_make_nothing_due_here_and_what_keeps_it_from_the_queue_reaches_nobody(
    learnt, monkeypatch, caplog
):
    lab, project, *_ = learnt
    queued = rows_of_jobs(lab, project)
    with lab.db() as session:
        seen = rows.last_event(session)
        assert rows.labelled_since(session, project, 0) >= FIRST_LABELS
        assert rows.labelled_since(session, project + 1, 0) == rows.labelled_since(session, project, seen) == 0
    assert lab.learning.after_labels(project + 1) is None
    monkeypatch.setattr(lab.learning, "_queue_if_due", lambda project_id: 1 / 0)
    assert lab.learning.after_labels(project) is None and "could not be queued" in caplog.text
    assert rows_of_jobs(lab, project) == queued


def rows_of_jobs(lab, project):
    return [job.id for job in lab.jobs.list(project) if job.kind == LearnSpec.kind]


def test_labels_given_many_at_once_and_labels_of_a_file_have_it_learn_too(learnt):
    lab, project, reader, *_ = learnt
    for job in lab.jobs.list(project, active=True):
        lab.jobs.cancel(job.id)
    session_id = lab.labels.bulk.session(project, reader)
    free = lab.labels.bulk.patches(session_id, reader).patch_id.tolist()
    assert len(free) >= EVERY_LABELS
    before = rows_of_jobs(lab, project)
    lab.labels.bulk.give(session_id, reader, free, {"steatosis": 1})
    (first,) = set(rows_of_jobs(lab, project)) - set(before)
    lab.jobs.cancel(first)
    file = lab.labels.files.export(project).data.replace(b"Ada", b"Ben")
    assert lab.labels.files.import_file(project, "labels.csv", file).imported >= EVERY_LABELS
    assert len(set(rows_of_jobs(lab, project)) - set(before)) == 2


def test_suggestions_are_the_light_models_where_it_is_sure_enough(learnt):
    lab, _, reader, *_, view, _ = learnt
    hints = lab.labels.suggestions
    assert hints.of_queue(view.id, 0, 40) == {}, "off until switched on"
    hints.switch(view.id, reader, on=True)
    assert hints.state(view.id).model_name.startswith("light model")
    offered = hints.of_queue(view.id, 0, 40)
    with lab.db() as session:
        audit = {item.patch.id for item in queues.items(session, view.id, 0, 40) if item.stream == "audit"}
    assert offered and not audit & set(offered)
    assert {hint.light for hint in offered.values()} <= {1, 2} and {hint.model_id for hint in offered.values()} == {
        None
    }
    assert all(set(hint.grades) == {"inflammation", "steatosis"} for hint in offered.values())


def test_the_last_labels_of_a_session_are_learnt_however_few_they_are(learnt, tmp_path):
    lab, project, _, slides, *_ = learnt
    for job in lab.jobs.list(project, active=True):
        lab.jobs.cancel(job.id)
    before = lab.learning.run(JobInProcess(lab.settings, tmp_path, "all so far"), project)
    ben = lab.readers.ensure("Ben").id
    view = lab.labels.sessions.create(project, ben, "Four", QueueChoice(slides, None, "random", total=4))
    queue = iter(lab.labels.sessions.queue(view.id))

    def give_next():
        patch = next(queue).patch_id
        lab.labels.acts.put(LabelAct(f"last-label-{patch}", view.id, ben, patch, grades={"ballooning": 1}))
        return lab.learning.after_labels(project)

    assert [give_next() for _ in range(3)] == [None] * 3, "more are to come"

    class GivingTheLast(JobInProcess):
        def progress(self, share, message, /, **numbers):
            if "learning from" in message and not self.told:
                self.told.append((share, message, numbers))
                assert give_next() is not None, "the session is finished"

    version = lab.learning.run(GivingTheLast(lab.settings, tmp_path, "last"), project)
    assert version.number == before.number + 2, "the one that was being made had not seen it"
    with lab.db() as session:
        assert rows.newest(session, project).label_set["events"] == rows.last_event(session)
