from dataclasses import replace

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.experiments.field.bags import parts_of
from mmdnet.experiments.field.comparison import MEAN, Comparison
from mmdnet.experiments.field.files import comparison_tables, figures_csv, kappa_table, written
from mmdnet.experiments.field.plan import UNGROUPED
from mmdnet.experiments.field.run import run_backbones, run_field
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
    data = made_data()
    result = run_field(data, plan(methods=("mean",), epochs=2, split="bags"), tmp_path)
    assert result.notes[0] == UNGROUPED
    apart = run_field(data, plan(methods=("mean",), epochs=2), tmp_path)
    assert result.kept_apart().cells == apart.cells
    assert apart.kept_apart() is None
    high, low = (Comparison(of).spread("mean", MEAN).mean for of in (result, apart))
    table = comparison_tables(Comparison(result))[1]
    assert table.rows[0][1:] == (f"{high:.2f}", f"{low:.2f}", f"{high - low:.2f}")
    by_slide = run_field(data, plan(methods=("mean",), epochs=2, split="bags", unit="slide"), tmp_path)
    assert all(len(set(cell.bags.slides)) == len(cell.bags.slides) for cell in (*by_slide.cells, *by_slide.apart))
    few = run_field(made_data(patients=3), plan(methods=("mean",), epochs=2, split="bags"), tmp_path / "few")
    assert any("With patients kept apart nothing could be tested" in note for note in few.notes)
    data.cohort.grades[:] = np.where(data.cohort.grades >= 0, 1, -1)
    with pytest.raises(LabError, match="nothing can be learnt"):
        run_field(data, plan(methods=("mean",)), tmp_path / "same")


def test_alphas_are_judged_on_validation_patients_and_no_training_is_repeated(tmp_path):
    data, asked = made_data(), plan(methods=("da-mil",), alphas=(0.0, 0.1), judged="validation", epochs=2)
    result = run_field(data, asked, tmp_path)
    assert result.methods == ("alpha 0", "alpha 0.1")
    (part,) = parts_of(data.cohort, asked)
    of_validation = {data.cohort.slides[bag.slide_index].slide_id for bag in part.validation}
    assert all(set(cell.bags.slides) == of_validation for cell in result.cells)
    said = written(Comparison(result), "md")
    assert "Quadratic κ on validation bags" in said and "for choosing" in said
    assert figures_csv(Comparison(result)).splitlines()[1].startswith("da-mil,,alpha 0,bag,")
    seen = []
    again = run_field(data, asked, tmp_path, lambda share, message, /, **_: seen.append(message))
    assert again.cells == result.cells
    assert not any("epoch" in message for message in seen)
    curves = sorted(path.parent.name for path in tmp_path.rglob("events.out.tfevents.*"))
    assert curves == ["da-mil--seed-0"] * 2


def test_the_fourth_task_learns_from_patches_set_aside_and_without_any_it_is_left_out(tmp_path):
    data, asked = made_data(), plan(methods=("mean", "mmd-net-four"), epochs=2)
    without = run_field(data, asked, tmp_path)
    assert without.methods == ("mean",)
    (said,) = (note for note in without.notes if "left out" in note)
    assert said.startswith("seed 0: MMD-Net, four tasks was left out, since no patch of its training slides")
    with pytest.raises(LabError, match="no patch of its training slides is set aside"):
        run_field(data, plan(methods=("mmd-net-four",), epochs=2), tmp_path)
    data.cohort.ignored[::7] = True
    (part,) = parts_of(data.cohort, asked)
    result = run_field(replace(data, key="set aside"), asked, tmp_path)
    assert result.methods == ("mean", "mmd-net-four")
    tested = {cell.method: cell.bags for cell in result.cells}
    assert tested["mean"] == tested["mmd-net-four"] and len(tested["mean"].slides) == len(part.test)
    alone = run_field(replace(data, key="set aside"), plan(methods=("mean",), epochs=2), tmp_path / "alone")
    assert alone.cells[0].said == result.cells[0].said


def test_a_fold_with_a_patient_on_two_sides_is_passed_over_and_the_others_go_on(tmp_path, monkeypatch):
    from mmdnet.experiments.field import bags

    data, asked = made_data(), plan(methods=("mean",), epochs=2, folds=3)
    splits = list(bags.kfold(data.cohort, 3, 0))
    one, *rest = splits[1].test  # two slides of each patient
    torn = replace(splits[1], train=(*splits[1].train, one), test=tuple(rest))
    monkeypatch.setattr(bags, "kfold", lambda *_: [splits[0], torn, splits[2]])
    result = run_field(data, asked, tmp_path)
    assert result.parts == ("seed 0 fold 1", "seed 0 fold 3")
    assert any(note.startswith("seed 0 fold 2: Patient P") for note in result.notes)
    monkeypatch.setattr(bags, "kfold", lambda *_: [torn])
    with pytest.raises(LabError, match=r"^Patient P"):
        run_field(data, asked, tmp_path / "alone")


def test_backbones_are_compared_on_the_same_patients_and_one_that_cannot_be_used_is_named(tmp_path):
    def data_of(name, progress, /):
        progress(0.5, "features")
        if name == "tiny":
            raise LabError("tiny takes no 299 px.")
        data = made_data()
        return replace(data, features=data.features * (name == "sees"), key=name, extractor=f"{name}, frozen")

    asked = plan(methods=("mean",), backbones=("blind", "tiny", "sees"), epochs=6, folds=3)
    result = run_backbones(data_of, asked, tmp_path)
    assert result.methods == ("blind", "sees")
    assert "tiny was left out: tiny takes no 299 px." in result.notes
    assert any(note.startswith("sees: sees, frozen, 0.0 million parameters") for note in result.notes)
    comparison = Comparison(result)
    assert comparison.spread("sees", MEAN).mean > comparison.spread("blind", MEAN).mean
    assert [difference.method for difference in comparison.differences] == ["sees"]
    assert kappa_table(comparison).columns[0] == "Backbone"
    assert figures_csv(comparison).splitlines()[1].startswith("mean,blind,,bag,")
    seen = []
    again = run_backbones(data_of, asked, tmp_path, lambda share, message, /, **_: seen.append(message))
    assert again.cells == result.cells
    assert not any("epoch" in message for message in seen)
    with pytest.raises(LabError, match="tiny takes no 299 px"):
        run_backbones(data_of, plan(methods=("mean",), backbones=("tiny",)), tmp_path)


def test_slides_are_judged_by_the_trainings_of_bags_and_a_cell_of_another_version_is_done_anew(tmp_path):
    data = made_data()
    bags = run_field(data, plan(methods=("mean",), epochs=2, folds=3), tmp_path)
    (first, *_), seen = sorted(tmp_path.rglob("*fold-1.json")), []
    first.write_text(first.read_text().replace('"version":1', '"version":0'))
    by_slide = plan(methods=("mean",), epochs=2, folds=3, unit="slide")
    slides = run_field(data, by_slide, tmp_path, lambda share, message, /, **_: seen.append(message))
    assert {message.split(":")[0] for message in seen if "epoch" in message} == {"seed 0 fold 1"}
    assert "1 finished training was damaged or of another version of the program, and done anew." in slides.notes
    (whole,) = slides.cells
    assert (whole.part, len(whole.bags.slides)) == ("seed 0", len(data.cohort.slides))
    assert Comparison(slides).spread("mean", MEAN).low is not None
    assert sum(len(cell.bags.slides) for cell in bags.cells) > len(data.cohort.slides)
    assert kappa_table(Comparison(slides)).title == "Quadratic κ on test slides"
    assert "A slide is graded as its highest bag" in written(Comparison(slides), "md")
