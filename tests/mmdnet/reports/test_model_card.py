from mmdnet.reports.model_card import OPEN, model_card, to_json, to_markdown
from tests.mmdnet.reports import crafted


def test_each_item_is_either_filled_or_open():
    card = model_card(crafted.card(), "Ours")
    assert len(card.filled) + len(card.open) == len(card.items) == 52
    assert card.summary.startswith(f"{len(card.filled)} of 52 items of TRIPOD+AI")
    assert "14 fairness" in card.open_words


def test_markdown_has_every_item_and_no_markup_of_a_persons():
    card = model_card(crafted.card(), "A | *bold* <model>", "two\nlines")
    text = to_markdown(card)
    assert text.startswith("# Model card: A \\| \\*bold\\* \\<model\\>\n")
    assert "two lines" in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| item")]
    assert len(rows) == 52 and sum(OPEN in row for row in rows) == len(card.open)


def test_json_says_null_where_an_item_is_open():
    card = model_card(crafted.card())
    told = to_json(card)
    assert told["name"] == crafted.card().name and told["use"] == "Research use only"
    assert [item["number"] for item in told["items"] if item["said"] is None] == [item.number for item in card.open]
