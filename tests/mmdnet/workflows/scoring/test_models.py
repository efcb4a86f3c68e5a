import json
import shutil

import pytest

from db.models import Model
from mmdnet.errors import LabError
from mmdnet.settings import PROJECT_ROOT
from mmdnet.workflows.scoring.models import card_of

SHIPPED = PROJECT_ROOT / "models" / "demo"


def test_the_shipped_model_is_taken_in_once(lab):
    first = lab.models.shipped()
    assert lab.models.shipped() == first
    view = lab.models.get(first)
    assert (view.card.backbone, view.card.simulated, view.project_id) == ("small", True, None)
    assert view.weights_sha256 == view.card.weights_sha256


def test_a_model_brought_in_again_keeps_its_number(lab, tmp_path):
    project = lab.projects.create("P").id
    shutil.copytree(SHIPPED, tmp_path / "m")
    first = lab.models.add(project, tmp_path / "m", "Mine")
    assert lab.models.add(project, tmp_path / "m", "Renamed") == first
    assert [model.name for model in lab.models.list(project)] == ["Renamed"]


def test_a_damaged_card_in_the_database_is_named():
    with pytest.raises(LabError, match="card of the model Old is damaged"):
        card_of(Model(name="Old", card={"name": "Old"}))


def test_the_harmful_calibration_an_earlier_build_brought_is_replaced_and_one_made_here_is_kept(lab):
    number = lab.models.shipped()

    def keep(calibration):
        with lab.db.begin() as session:
            model = session.get(Model, number)
            model.card = {**model.card, "calibration": calibration}

    brought = lab.models.get(number).card.calibration
    keep({"version": 1, "rule": "density", "lines": {"inflammation": 0.9987}})
    assert lab.models.shipped() == number and lab.models.get(number).card.calibration == brought
    keep({"rule": "max", "here": True, "slide_ids": [1]})
    assert lab.models.shipped() == number and lab.models.get(number).card.calibration["rule"] == "max"


def test_a_model_with_a_damaged_calibration_is_not_taken_in(lab, tmp_path):
    folder = shutil.copytree(SHIPPED, tmp_path / "m")
    card = json.loads((folder / "card.json").read_text()) | {"calibration": {"lines": {"inflammation": -1}}}
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(LabError, match="calibration on the model's card is damaged"):
        lab.models.add(None, folder)
    assert not lab.models.list(lab.projects.create("P").id)


def test_a_model_is_named_noted_put_away_and_chosen_for_reports(lab, tmp_path):
    project, other = lab.projects.create("P").id, lab.projects.create("Q").id
    folders = [shutil.copytree(SHIPPED, tmp_path / name) for name in ("a", "b")]
    first, second = (lab.models.add(project, folder, folder.name) for folder in folders)
    shipped = lab.models.shipped()
    assert [model.id for model in lab.models.list(project)] == [second, first, shipped]
    lab.models.use_for_reports(project, first)
    assert [model.id for model in lab.models.list(project)] == [first, second, shipped]
    assert [model.id for model in lab.models.list(other)] == [shipped]
    with pytest.raises(LabError, match="not offered in Q"):
        lab.models.use_for_reports(other, first)
    with pytest.raises(LabError, match="for reports"):
        lab.models.archive(first)
    named = lab.models.describe(second, " Liver  2 ", "for  donors")
    assert (named.name, named.note) == ("Liver 2", "for donors")
    for name, note in (("", ""), ("x" * 81, ""), ("fine", "x" * 501)):
        with pytest.raises(LabError, match="characters"):
            lab.models.describe(second, name, note)
    lab.models.archive(second)
    assert [model.id for model in lab.models.list(project)] == [first, shipped]
    assert [(model.id, model.note) for model in lab.models.archived(project)] == [(second, "for donors")]
    with pytest.raises(LabError, match="not offered"):
        lab.models.use_for_reports(project, second)
    lab.models.restore(second)
    assert second in [model.id for model in lab.models.list(project)] and not lab.models.archived(project)
    with pytest.raises(LabError, match="came with the program"):
        lab.models.archive(shipped)
