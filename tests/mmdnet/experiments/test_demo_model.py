import pytest

from mmdnet.experiments import demo_model
from mmdnet.experiments.simulated_cohorts import Drawn
from mmdnet.nn.io import load_model
from mmdnet.training.config import TrainingConfig
from mmdnet.training.simulated import simulated_cohort

CHOICES = TrainingConfig(
    backbone="small", mode="fast", warm_up_epochs=1, epochs=2, projection=8, bag_size=4, bags_per_step=2,
    bags_per_epoch=4, device="cpu", domain_key="none",
)  # fmt: skip


@pytest.mark.slow
def test_a_model_is_made_with_a_card_and_a_readme_that_say_where_it_is_from(drawn, tmp_path, monkeypatch):
    home, paths = drawn
    cohort = Drawn(paths, *simulated_cohort(paths, home / "patches"))
    monkeypatch.setattr(demo_model, "draw_cohort", lambda slides, seed, work, tell: cohort)
    card = demo_model.make(tmp_path / "work", tmp_path / "out", 6, 5, CHOICES)
    _, read = load_model(tmp_path / "out")
    assert read == card and card.simulated
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "Trained on 6 simulated slides of 3 simulated patients" in readme and "--slides 6 --seed 5" in readme
