"""`mmdnet train`: its help is the configuration's; what cannot start is one sentence. See commands/test_search for searches."""

from mmdnet.training.config import GROUPS, training_options
from tests.small_lab import draw_tissue


def test_its_help_has_every_choice_of_the_configuration_by_group(run):
    code, out, _ = run("train", "--help")
    lines = [line.strip() for line in out.splitlines()]
    assert code == 0 and [line for line in lines if line.removesuffix(":") in GROUPS.values()] == [
        f"{title}:" for title in GROUPS.values()
    ]
    assert [o.name for o in training_options() if not any(line.startswith(f"{o.name}: ") for line in lines)] == []


def test_training_without_labels_is_refused(run, tmp_path):
    assert run("ingest", str(draw_tissue(tmp_path / "tissue.png")), "--mpp", "0.5", "--json")[0] == 0
    code, _, err = run("train", "--check")
    assert code == 1 and "no labels" in err and "Traceback" not in err
