from mmdnet.experiments.processor import COMMON, WAYS, reached
from mmdnet.training.config import read_config


def test_enough_is_reached_when_every_task_is_good():
    low = {"processor_min": 1.0, "mean": 0.85, "ballooning": 0.6, "inflammation": 0.95, "steatosis": 1.0}
    assert reached([low]) is None
    assert reached([low, low | {"processor_min": 2.0, "ballooning": 0.7}]) == 2.0


def test_every_way_is_a_training_the_product_takes():
    for choices in WAYS.values():
        assert read_config({**COMMON, **choices}).device == "cpu"
    assert read_config({**COMMON, **WAYS["bag_labels_alone"]}).aux_instance_weight == 0
