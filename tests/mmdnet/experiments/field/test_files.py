import csv
import io

import pytest

from mmdnet.errors import LabError
from mmdnet.experiments.field.comparison import Comparison
from mmdnet.experiments.field.files import comparison_tables, figures_csv, kappa_table, published_table, written
from mmdnet.experiments.field.result import read_field


def test_the_first_table_has_every_method_best_first_beside_the_reference(result, comparison):
    table = kappa_table(comparison)
    assert len(table.rows) == 5
    assert table.columns[-3] == "MMD-Net ahead"
    means = [float(row[4].split(" ")[0]) for row in table.rows]
    assert means == sorted(means, reverse=True)
    assert sum("reference" in row for row in table.rows) == 1


def test_every_kind_of_file_says_what_it_is_of_and_what_figures_mean(result, comparison):
    for kind in ("md", "tex"):
        text = written(comparison, kind)
        assert "Simulated tissue only." in text
        assert "Cohen" in text
        assert "CLAM" not in text
        assert "Published figures stand beside none" in text.replace("\\", "")
    assert read_field(written(comparison, "json")) == result
    rows = list(csv.DictReader(io.StringIO(figures_csv(comparison))))
    assert {row["measure"] for row in rows} >= {"kappa_quadratic", "f1_macro", "ece", "auroc"}
    assert {row["cells"] for row in rows if row["measure"] == "mae"} == {"2"}
    with pytest.raises(LabError, match="Nothing was written"):
        written(comparison, "docx")


def test_published_figures_stand_beside_the_papers_protocol_alone(result, comparison):
    paper = result.model_copy(update={"simulated": False, "plan": result.plan.model_copy(update={"split": "bags"})})
    assert published_table(paper) in comparison_tables(Comparison(paper))
    assert published_table(result) not in comparison_tables(comparison)
    assert published_table(result).rows[0][1:] == ("0.959", "0.748", "0.696")
    slides = paper.model_copy(update={"plan": paper.plan.model_copy(update={"unit": "slide"})})
    assert published_table(slides).rows[0] == ("Ballooning", "0.733", "0.688")


def test_names_that_people_gave_stay_text(result, comparison):
    hostile = result.model_copy(update={"data": "=1+1 | **x** <b> $\\frac$"})
    other = Comparison(hostile)
    other.__dict__["measures"] = comparison.measures  # of the same cells
    assert "| \\*\\*x" in written(other, "md").replace("\\|", "|")
    assert ",'=1+1" in written(other, "csv")
