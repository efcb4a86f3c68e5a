"""What is there is not trained again, and cells come seed by seed."""

import pytest

from mmdnet.experiments.ablation import Variant
from mmdnet.experiments.cells import known_cells, run_cells

VARIANTS = (Variant("a", "one"), Variant("b", "other"))


def test_cells_are_trained_once_seed_by_seed_and_known_afterwards(tmp_path):
    trained, said = [], []

    def train(variant, seed):
        trained.append((variant.name, seed))
        if seed == 7:
            raise KeyboardInterrupt
        return {"variant": variant.name, "seed": seed}

    def run(seeds):
        return run_cells("setting", VARIANTS, seeds, tmp_path, train, lambda result: result["seed"], said.append)

    with pytest.raises(KeyboardInterrupt):
        run([0, 7])
    assert trained == [("a", 0), ("b", 0), ("a", 7)] and said == ["a, seed 0: 0", "b, seed 0: 0"]
    assert run([0, 1]) == [{"variant": v, "seed": s} for s in (0, 1) for v in "ab"]
    assert trained[3:] == [("a", 1), ("b", 1)]
    assert known_cells("setting", VARIANTS, [1, 2], tmp_path) == [{"variant": v, "seed": 1} for v in "ab"]
    assert known_cells("other setting", VARIANTS, [1], tmp_path) == []

    (tmp_path / "results" / "setting" / "a-0.json").write_text('{"variant": "a"')
    (tmp_path / "results" / "setting" / "b-0.json").write_text('{"network": "b", "seed": 0}')
    said.clear()
    assert len(known_cells("setting", VARIANTS, [0, 1], tmp_path, said.append)) == 2
    assert [line.split(" ", 1)[0] for line in said] == ["a-0.json", "b-0.json"] and "another version" in said[0]
    assert len(run([0, 1])) == 4 and trained[5:] == [("a", 0), ("b", 0)]
