import json

import numpy as np

from mmdnet.experiments.domain import VARIANTS, DomainSetting, Sets, domain_summary, known_domain_results, split_of


def test_the_domain_part_is_compared_on_the_same_seeds():
    def result(variant, seed, new):
        return {"variant": variant, "seed": seed, "kappa_mean": {"known_sites": 0.5, "new_site": new}, "probe": 0.9}

    summary = domain_summary(
        [result("no-domain", 0, 0.3), result("no-domain", 1, 0.4), result("stain-relative", 1, 0.5)]
    )
    assert summary["stain-relative"]["added_on_new_site"] == {"mean": 0.1, "n": 1}
    assert "added_on_new_site" not in summary["no-domain"]


def test_the_new_site_tests_and_a_quarter_of_the_training_slides_validates():
    sets = Sets(None, None, tuple(range(8)), tuple(range(8, 16)), tuple(range(16, 24)))
    split = split_of(sets, seed=1)
    assert split.test == sets.new_site
    assert len(split.validation) == 2
    assert sorted(split.train + split.validation) == list(sets.training)
    assert not np.array_equal(split.validation, split_of(sets, seed=3).validation)


def test_only_results_that_are_there_are_known(tmp_path):
    setting = DomainSetting(slides=4)
    assert known_domain_results(setting, VARIANTS, range(3), tmp_path) == []
    path = tmp_path / "results" / setting.name / f"{VARIANTS[1].name}-2.json"
    path.parent.mkdir(parents=True)
    result = {"variant": VARIANTS[1].name, "seed": 2}
    path.write_text(json.dumps(result))
    assert known_domain_results(setting, VARIANTS, range(3), tmp_path) == [result]
    path.write_text(json.dumps(result | {"seed": 1}))
    assert known_domain_results(setting, VARIANTS, range(3), tmp_path) == []
