"""Files of an evaluation: each kind is read again by its own reader, names of people's making break none."""

import csv
import io
import re

import pytest
from markdown_it import MarkdownIt

from mmdnet.errors import LabError
from mmdnet.evaluation.definitions import DEFINITIONS
from mmdnet.evaluation.evaluate import evaluate
from mmdnet.evaluation.files import KINDS, cases_csv, latex_text, written
from mmdnet.evaluation.result import read_evaluation
from mmdnet.evaluation.tables import PRESETS, preset_tables
from tests.mmdnet.evaluation.crafted import case


def test_every_figure_of_the_csv_is_there_with_its_interval_and_no_cell_is_a_formula(judged):
    lines = list(csv.DictReader(io.StringIO(written(judged, "csv"))))
    (kappa,) = [
        line
        for line in lines
        if line["scale"] == "steatosis" and line["measure"] == "kappa_quadratic" and not line["by"]
    ]
    estimate = judged.scales["steatosis"].kappa_quadratic
    assert [float(kappa[key]) for key in ("value", "low_95", "high_95")] == [
        estimate.value,
        estimate.low,
        estimate.high,
    ]
    assert {line["by"] for line in lines} == {"", "site"}
    assert not any(str(cell).startswith("=") for line in lines for cell in line.values())
    slides = list(csv.DictReader(io.StringIO(cases_csv(judged))))
    assert len(slides) == 12 and slides[11]["true_steatosis"] == "3" and slides[11]["model_steatosis"] == "0"


def test_markdown_is_tables_that_show_names_letter_by_letter_and_says_what_figures_mean(judged):
    text = written(judged, "md")
    drawn = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    assert drawn.count("<table>") == len(preset_tables(judged))
    assert "<i>" not in drawn and "<em>a</em>" not in drawn
    assert "=1+1|*a*_b_ &lt;i&gt;&amp;$x$ \\end{table}%" in drawn
    assert all(f"<strong>{name}</strong>" in drawn for name in DEFINITIONS)
    assert "1 slide kept apart: the model learnt from them or was" in text and "Research use only" in text


def test_latex_has_no_letter_that_ends_a_table_early(judged):
    text = written(judged, "tex")
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == len(preset_tables(judged))
    tables = text[text.index(r"\begin{table}") :]
    assert tables.count(r"\end{table}") == tables.count(r"\begin{table}")
    for line in tables.splitlines():
        if line.endswith(r"\\"):
            assert len(set(re.findall(r"(?<!\\)&", line))) <= 1 and "%" not in re.sub(r"\\%", "", line)
    assert latex_text("a_b & 5 %") == r"a\_b \& 5 \%"


def test_json_is_the_record_itself(judged):
    assert read_evaluation(written(judged, "json")) == judged


@pytest.mark.parametrize(("kind", "preset"), [("doc", "all"), ("md", "table9")])
def test_what_there_is_none_of_is_refused(judged, kind, preset):
    with pytest.raises(LabError, match="Nothing was written"):
        written(judged, kind, preset)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("preset", PRESETS)
def test_an_evaluation_of_one_slide_and_one_task_is_written_too(kind, preset):
    assert written(evaluate([case(1, (None, None, 1), (None, None, 1))], "M", resamples=10), kind, preset)
