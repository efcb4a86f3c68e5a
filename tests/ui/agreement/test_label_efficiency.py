"""How the curves of the label-efficiency experiment are drawn and told."""

from mmdnet.labels.efficiency_result import FILE, EfficiencyResult
from mmdnet.labels.label_efficiency import replayed_plans
from mmdnet.settings import DEMO_MODEL
from ui.agreement.label_efficiency import label_efficiency_figure, label_efficiency_words, lines


def shipped() -> EfficiencyResult:
    return EfficiencyResult.model_validate_json((DEMO_MODEL / FILE).read_text())


def test_every_replayed_plan_has_a_line_of_its_own_look():
    assert list(lines()) == list(replayed_plans())
    assert len({(line.colour, line.dash) for line in lines().values()}) == len(lines())
    assert lines()["margin"].title == "Torn between two grades first"


def test_a_kept_result_is_drawn_by_todays_names_with_a_band_and_a_curve_each():
    result = shipped()
    assert set(result.plans) <= set(lines()), "the shipped result says torn for margin"
    figure = label_efficiency_figure(result, "steatosis", ["random", "margin"])
    assert [trace.name for trace in figure.data if trace.mode == "lines"] == ["Random", "Torn between two grades first"]
    assert tuple(figure.data[3].y) == result.plans["margin"].tasks["steatosis"].mean


def test_the_words_name_the_plan_that_needs_fewest_labels():
    result = shipped()
    plan, _ = result.best_active(400)
    assert label_efficiency_words(result).startswith(f"**{lines()[plan].title}** needed ")
    assert f"{result.seeds} seeds" in label_efficiency_words(result)
