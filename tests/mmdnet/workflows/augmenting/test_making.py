"""A batch that is stopped goes on: nothing is lost, nothing is there twice."""

import shutil

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.workflows.augmenting import making
from mmdnet.workflows.training.synthetic import read_png, synthetic_file


def rows(own, batch):
    return sorted((child.parent_id, child.number, child.seed) for child in own.lab.augmenting.children(batch))


def pictures(own, batch):
    paths = [synthetic_file(own.lab.settings, batch, parent, number) for parent, number, _ in rows(own, batch)]
    return np.stack([read_png(path) for path in paths]).astype(np.int16)


def test_a_job_killed_between_a_file_and_its_row_goes_on_with_nothing_lost_and_nothing_twice(
    finished, tmp_path, monkeypatch
):
    broken = finished.lab.augmenting.start(finished.project, finished.given | {"batch_size": 1})
    real = making.write_aside

    def killed(path, content):
        real(path, content)
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "write_aside", killed)
    with pytest.raises(KeyboardInterrupt):
        finished.run(broken, tmp_path)
    assert rows(finished, broken) == []
    monkeypatch.setattr(making, "write_aside", real)
    with pytest.raises(KeyboardInterrupt):
        finished.run(broken, tmp_path, last="2 of 4 made")
    assert len(rows(finished, broken)) == 2
    job = finished.run(broken, tmp_path)
    assert rows(finished, broken) == rows(finished, finished.batch) and len(rows(finished, broken)) == 4
    assert np.abs(pictures(finished, broken) - pictures(finished, finished.batch)).max() <= 1
    assert finished.lab.augmenting.get(broken).counts.judged == 4
    assert "passed the gate" in job.told[-1][1]


def test_a_finished_batch_that_is_started_again_loads_no_weights(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(making, "examine_folder", lambda folder: pytest.fail("weights were looked at"))
    finished.run(finished.batch, tmp_path)


def test_other_weights_in_the_folder_than_a_job_began_with_are_refused(finished, tmp_path):
    from sqlalchemy import delete

    from db.models import SyntheticPatch

    own = finished.lab.augmenting.get(finished.batch).choices
    folder = shutil.copytree(own.weights, tmp_path / "sd")
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with finished.lab.db.begin() as session:
        from db.models import Augmentation

        row = session.get_one(Augmentation, finished.batch)
        row.choices = {**row.choices, "weights": str(folder)}
        session.execute(delete(SyntheticPatch))
    with pytest.raises(LabError, match="others than this job began with"):
        finished.run(finished.batch, tmp_path)


def test_a_parent_whose_slide_is_gone_is_named_and_the_job_can_go_on_later(graded, tmp_path):
    from sqlalchemy import update

    from db.models import Slide

    batch = graded.lab.augmenting.start(graded.project, graded.given)
    with graded.lab.db.begin() as session:
        session.execute(update(Slide).values(path=Slide.path + ".gone"))
    with pytest.raises(LabError, match=r"\.gone"):
        graded.run(batch, tmp_path)
    assert graded.lab.augmenting.get(batch).counts.made == 0


def test_seeds_follow_from_parent_and_number_alone():
    assert making.child_seed(0, 5, 1) == making.child_seed(0, 5, 1)
    seeds = {making.child_seed(seed, parent, n) for seed in range(3) for parent in range(20) for n in range(4)}
    assert len(seeds) == 240 and max(seeds) < 2**48


def test_parents_whose_slide_is_gone_are_a_sentence_and_the_job_can_be_tried_again(finished, tmp_path):
    from sqlalchemy import delete, select, update

    from db.models import Slide, SyntheticPatch

    with finished.lab.db.begin() as session:
        paths = {slide.id: slide.path for slide in session.scalars(select(Slide))}
        session.execute(update(Slide).values(path=Slide.path + ".gone"))
        session.execute(delete(SyntheticPatch).where(SyntheticPatch.number == 0))
    with pytest.raises(LabError, match=r"s\d\.png"):
        finished.run(finished.batch, tmp_path)
    assert rows(finished, finished.batch) == []
    with finished.lab.db.begin() as session:
        for number, path in paths.items():
            session.get_one(Slide, number).path = path
    finished.run(finished.batch, tmp_path)
    assert finished.lab.augmenting.get(finished.batch).counts.judged == 4
