"""Backbones from the hub: fetched into the lab, named in a training, kept with what it made."""

import json
import shutil

import pytest
import timm
import torch
from safetensors.torch import save

from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.nn.io import load_model
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.job_kinds import run_job
from mmdnet.workflows.labelling.views import PatchGrades
from mmdnet.workflows.slides.stores import feature_stores
from tests.hub_stub import Repository, hub
from tests.small_lab import SHORT_TRAINING, JobInProcess

IMAGES = {"mean": [0.7, 0.6, 0.7], "std": [0.2, 0.2, 0.2], "input_size": [3, 64, 64], "fixed_input_size": True}
CONFIG = {"architecture": "test_vit", "num_classes": 0, "model_args": {"img_size": 64}, "pretrained_cfg": IMAGES}


@pytest.fixture
def served(monkeypatch):
    """The hub is on this machine and holds a/b."""
    with hub() as there:
        torch.manual_seed(0)
        tensors = timm.create_model("test_vit", num_classes=0, img_size=64).state_dict()
        files = {"config.json": json.dumps(CONFIG).encode(), "model.safetensors": save(tensors)}
        there.repositories["a/b"] = Repository(files, licence="cc-by-nc-nd-4.0")
        monkeypatch.setenv("HF_ENDPOINT", there.address)
        yield there


@pytest.fixture
def labelled(lab, tissue_png) -> int:
    """A project of two small pictures, every patch graded."""
    project, reader = lab.projects.create("P").id, lab.readers.ensure("Ada").id
    for number in range(2):
        stated = StatedFacts(0.5, patient=f"P{number}")
        slide = lab.slides.register(project, tissue_png(f"{number}.png", seed=number, side=650), stated)[0].slide_id
        given = [PatchGrades(p.id, Grades(steatosis=i % 4)) for i, p in enumerate(lab.slides.patches(slide))]
        lab.labels.acts.put_many(project, reader, given)
    return project


def test_a_fetched_backbone_is_trained_from_and_goes_with_the_model(lab, served, labelled, tmp_path):
    choices = SHORT_TRAINING | {"backbone": "a/b", "mode": "fast"}
    assert "mmdnet backbones get a/b" in lab.training.check(labelled, choices).problem
    context = JobInProcess(lab.settings, tmp_path / "job", "a")
    run_job("backbone", {"name": "a/b"}, context)
    assert context.told[-1][1] == "a/b is here, cc-by-nc-nd-4.0"
    served.repositories.clear()  # from here on without the hub
    (view,) = [view for view in lab.backbones.list() if view.name == "a/b"]
    assert (view.state, view.licence, view.hub_id) == ("here", "cc-by-nc-nd-4.0", "a/b")
    checked = lab.training.check(labelled, choices)
    assert checked.ok, checked.problem
    said = " ".join(checked.lines)
    assert "from a/b on the hub, revision 0123456789ab, cc-by-nc-nd-4.0" in said
    assert "Patches of 299 px at 0.5 µm/px are resized to 64 px, 2.3 µm/px." in said
    assert "learnt from images at 0.5 µm/px, and these patches would come to it at 2.3" in refused_scale(lab, labelled)
    run = lab.training.start(labelled, choices)
    model = lab.training.run(JobInProcess(lab.settings, tmp_path / "train", "b"), run)
    shutil.rmtree(lab.settings.folder("backbones"))
    card = lab.models.get(model).card
    assert card.backbone_origin.licence == "cc-by-nc-nd-4.0" and card.recipe.network == "test_vit"
    net, _ = load_model(lab.settings.folder("models") / f"run-{run}")
    assert (net.backbone.input_px, net.backbone.mean) == (64, (0.7, 0.6, 0.7))
    assert {said["backbone"] for said in feature_stores(lab.settings)[0].said()} >= {"a/b"}


def refused_scale(lab, project: int) -> str:
    """What is said of the same encoder, had it learnt at 0.5 µm/px."""
    record = lab.settings.folder("backbones") / "a--b" / "origin.json"
    text = record.read_text()
    told = json.loads(text)
    record.write_text(json.dumps(told | {"recipe": told["recipe"] | {"um_per_px": 0.5}}))
    problem = lab.training.check(project, SHORT_TRAINING | {"backbone": "a/b"}).problem
    record.write_text(text)
    return problem


def test_what_is_fetched_starts_a_training_only_where_nothing_else_was_chosen(lab, served):
    served.repositories["timm/resnet50.a1_in1k"] = Repository({})
    lab.backbones.get("a/b")
    configured = lab.backbones.configured
    assert configured({"backbone": "a/b"}).weights.parent.name == "a--b"
    assert str(configured({"backbone": "a/b", "weights": "mine.safetensors"}).weights) == "mine.safetensors"
    assert configured({"backbone": "ResNet50"}).weights is None  # not fetched: as ever, from random weights
    assert configured({}).weights is None  # its own come with the program
    with pytest.raises(LabError, match=r"weights of UNI are not in this lab yet.*mmdnet backbones get UNI"):
        configured({"backbone": "UNI"})


def test_what_cannot_be_fetched_is_not_queued(lab):
    with pytest.raises(LabError, match="CONCH cannot be fetched"):
        lab.backbones.submit("CONCH")
    assert not lab.jobs.list()
    job = lab.jobs.get(lab.backbones.submit("uni"))
    assert (job.title, job.kind) == ("Fetch the backbone UNI", "backbone")
    states = {view.name: view.state for view in lab.backbones.list()}
    assert states["efficientnet-lite0"] == "with the program" and states["CONCH"] == "not by this program"
    assert {"ResNet50", "Swin-T", "ViT-B/32", "VGG16", "MobileNetV3", "ConvNeXt-T", "UNI2-h"} <= set(states)
