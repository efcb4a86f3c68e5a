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
