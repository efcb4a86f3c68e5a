"""Figures of a comparison: what they draw is what was computed."""

import pytest

from mmdnet.experiments.field.comparison import MEAN, Comparison
from tests.mmdnet.experiments.field.made import made_result
from ui.evaluate import methods_result as parts


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    return Comparison(made_result(tmp_path_factory.mktemp("field")))


@pytest.fixture
def drawn(monkeypatch):
    figures = {}
    monkeypatch.setattr(parts.theme, "show_figure", lambda made, key, alt: figures.update({key: made}))
    return figures


def test_kappas_are_drawn_best_first_and_the_reference_stands_out(comparison, drawn):
    parts.kappa_figure(comparison)
    traces = drawn["field_kappa"].data
    values = [trace.x[0] for trace in traces]
    assert values == sorted(values, reverse=True)
    diamonds = [trace for trace in traces if trace.marker.symbol == "diamond"]
    assert [trace.x[0] for trace in diamonds] == [comparison.spread("mmd-net", MEAN).mean]


def test_the_bar_of_ranks_is_the_critical_difference_long(comparison, drawn):
    parts.rank_figure(comparison)
    *_, name, bar = drawn["field_ranks"].data
    assert name.textposition == "middle left", "the last name does not stand beyond the figure"
    assert bar.x[1] - bar.x[0] == pytest.approx(comparison.ranks.critical_difference)


def test_curves_lie_over_each_other_and_are_means_over_parts(comparison, drawn):
    for name, title, digits in parts.CURVES:
        parts.beside_figure(comparison, ["abmil", "mmd-net"], name, title, digits)
        ours, _ = drawn[f"field_beside_{name}"].data
        cells = [cell for cell in comparison.result.cells if cell.method == "abmil"]
        first = [getattr(cell.curve[0], name) for cell in cells]
        assert ours.y[0] == pytest.approx(sum(first) / len(first))
        assert len(ours.y) == max(len(cell.curve) for cell in cells)


def test_matrix_and_curves_are_of_the_chosen_method(comparison, drawn):
    parts.confusion_figure(comparison, "abmil", "steatosis")
    z = drawn["field_confusion"].data[0].z
    assert [[count or 0 for count in row] for row in z] == comparison.confusion("abmil", "steatosis").tolist()
    assert not any(count == 0 for row in z for count in row), "what never met has the theme's ground"
    parts.curve_figure(comparison, "abmil")
    assert len(drawn["field_curve"].data) == 2 * len(comparison.result.parts)
