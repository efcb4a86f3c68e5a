import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.experiments.field.plan import UNGROUPED
from mmdnet.experiments.field.run import run_field
from tests.mmdnet.experiments.field.made import made_data, plan


class Killed(Exception):
    pass


def test_killed_in_the_middle_it_repeats_no_finished_cell(tmp_path):
    data, asked = made_data(), plan(seeds=(0, 1), epochs=2)

    def stop(share, message, /, **_):
        if message.startswith("seed 1"):
            raise Killed

    with pytest.raises(Killed):
        run_field(data, asked, tmp_path, stop)
    cells = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*--seed-0.json")}
    assert len(cells) == 5
    seen = []
    result = run_field(data, asked, tmp_path, lambda share, message, /, **_: seen.append(message))
    assert {path: path.stat().st_mtime_ns for path in cells} == cells
    assert not [message for message in seen if message.startswith("seed 0")]
    assert len(result.cells) == 10
    whole = run_field(data, asked, tmp_path / "anew")
    assert [cell.said for cell in whole.cells] == [cell.said for cell in result.cells]


def test_a_method_added_later_trains_alone(tmp_path):
    data = made_data()
    run_field(data, plan(methods=("mean",), epochs=2), tmp_path)
    seen = []
    result = run_field(data, plan(methods=("mean", "max"), epochs=2), tmp_path, lambda s, m, /, **_: seen.append(m))
    assert result.methods == ("mean", "max")
    assert not [message for message in seen if "Mean pooling" in message]


def test_the_papers_split_is_warned_of_and_nothing_learnable_is_refused(tmp_path):
    assert run_field(made_data(), plan(methods=("mean",), epochs=2, split="bags"), tmp_path).notes[0] == UNGROUPED
    data = made_data()
    data.cohort.grades[:] = np.where(data.cohort.grades >= 0, 1, -1)
    with pytest.raises(LabError, match="nothing can be learnt"):
        run_field(data, plan(methods=("mean",)), tmp_path / "same")
