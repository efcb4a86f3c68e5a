"""The networks a gate asks."""

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.nn.registry import PRETRAINED
from mmdnet.workflows.augmenting.gate_networks import load_gate_networks
from mmdnet.workflows.services import Services


def test_the_shipped_model_says_expected_grades_and_refuses_patches_of_another_size(graded_once):
    lab = graded_once.lab
    services = Services(lab.settings, lab.db, None)
    model = lab.models.shipped()
    networks = load_gate_networks(services, model, 299, "cpu")
    images = np.random.default_rng(0).integers(0, 255, (2, 299, 299, 3), dtype=np.uint8)
    expected = networks.expected_grades(images)
    assert expected.shape == (2, 3) and (expected >= 0).all() and (expected <= 3).all()
    assert networks.backbone == PRETRAINED and len(networks.model_sha256) == 64
    assert networks.embed(images).shape[0] == 2 and networks.embed(images).dtype == np.float32
    with pytest.raises(LabError, match="takes patches of 299 px"):
        load_gate_networks(services, model, 96, "cpu")


def test_without_a_model_none_is_asked(graded_once):
    networks = load_gate_networks(Services(graded_once.lab.settings, graded_once.lab.db, None), None, 96, "cpu")
    assert networks.expected_grades(np.zeros((1, 96, 96, 3), np.uint8)) is None
