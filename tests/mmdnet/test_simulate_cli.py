"""`mmdnet simulate`: a cohort is drawn as asked, what does not go together is refused and draws nothing."""

import json
from pathlib import Path

import pytest

from mmdnet.simulate import load_truth


def test_a_cohort_is_drawn_with_its_densities_site_stain_scanner_and_run(run, tmp_path):
    code, out, err = run(
        "simulate", str(tmp_path / "c"), "--slides", "2", "--lesions", "continuous", "--patches", "8", "--site", "Harbour",
        "--stain", "Goldner trichrome", "--scanner", "Q", "--runs", "1", "--processes", "1", "--json",
    )  # fmt: skip
    assert code == 0, err
    truths = [load_truth(Path(path)) for path in json.loads(out)["slides"]]
    assert len(truths) == 2
    for truth in truths:
        assert truth.recipe["site"] == "Harbour" and truth.recipe["scanner"] == "Q"
        assert truth.recipe["stain"] == "Goldner trichrome" and truth.recipe["staining_run"] == "Harbour run 1"
        assert truth.recipe["densities"] and 0.1 < truth.tissue_mm2 < 0.3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--lesions", "some"), "--lesions is one of grades, continuous, natural, none"),
        (("--lesions", "natural", "--size", "huge"), "--size is one of small, biopsy, wedge"),
        (("--lesions", "natural", "--stain", "PAS"), "no stain 'PAS'"),
        (("--runs", "2"), "--runs does not go with --lesions grades"),
        (("--demo", "--lesions", "none"), "--lesions does not go with the demo"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence_and_no_folder_is_made(run, tmp_path, words, says):
    code, _, err = run("simulate", str(tmp_path / "c"), *words)
    assert code == 1 and says in err and "Traceback" not in err
    assert not (tmp_path / "c").exists()
