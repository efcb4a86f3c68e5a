"""`mmdnet simulate`: a cohort is drawn as asked, what does not go together is refused and draws nothing."""

import json
from pathlib import Path

import pytest

from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import load_settings
from mmdnet.simulate import load_truth


def test_a_cohort_is_drawn_as_asked_and_its_table_is_taken_as_facts_and_grades(run, tmp_path):
    folder = tmp_path / "c"
    code, out, err = run(
        "simulate", str(folder), "--slides", "1", "--lesions", "none", "--patches", "4", "--site", "Harbour",
        "--stain", "Goldner trichrome", "--scanner", "Q", "--runs", "1", "--processes", "1", "--json",
    )  # fmt: skip
    assert code == 0, err
    truth = load_truth(Path(json.loads(out)["slides"][0]))
    assert truth.recipe["site"] == "Harbour" and truth.recipe["scanner"] == "Q"
    assert truth.recipe["stain"] == "Goldner trichrome" and truth.recipe["staining_run"] == "Harbour run 1"
    assert truth.recipe["densities"] and 0.05 < truth.tissue_mm2 < 0.15
    run("ingest", str(folder), "--project", "Sim", "--json")
    code, out, err = run(
        "slides", "facts", "import", str(folder / "slides.csv"), "--project", "Sim", "--apply", "--json"
    )
    assert code == 0, out + err
    lab = open_lab(load_settings())
    (known,) = lab.truth.of_project(lab.projects.list()[0].id)
    assert known.grades == Grades(**truth.grades)
    assert known.control == "healthy" and known.staining_run == "Harbour run 1"


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
