"""The model card: what the lab knows of a model in the order of TRIPOD+AI, the open items named; see `tripod`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from mmdnet.reports.tripod import SOURCE, CardItem, interpretation, tripod_items
from mmdnet.reports.words import RESEARCH_USE
from mmdnet.tables import markdown_text

if TYPE_CHECKING:
    from pydantic import JsonValue

    from mmdnet.nn.card import ModelCard

OPEN = "open: the lab keeps no record of it"


@dataclass(frozen=True, slots=True)
class CardDocument:
    """A model card as it is shown: `name` and `note` as the lab has them."""

    name: str
    note: str
    weights_sha256: str
    verdict: str
    items: tuple[CardItem, ...]

    @property
    def filled(self) -> tuple[CardItem, ...]:
        """The items something is known of."""
        return tuple(item for item in self.items if item.said)

    @property
    def open(self) -> tuple[CardItem, ...]:
        """The items that are for whoever publishes the model."""
        return tuple(item for item in self.items if not item.said)

    @property
    def summary(self) -> str:
        """How much of it is filled, in a sentence."""
        return f"{len(self.filled)} of {len(self.items)} items of {SOURCE} are filled from the lab's records."

    @property
    def open_words(self) -> str:
        """The open items in a sentence; empty where there is none."""
        return "; ".join(f"{item.number} {item.topic[0].lower()}{item.topic[1:]}" for item in self.open)


def model_card(card: ModelCard, name: str = "", note: str = "") -> CardDocument:
    """The card of a model.

    Args:
        card: as the lab keeps it.
        name: the model's in the lab; the card's own if not given.
        note: what people should know of it.

    Raises:
        LabError: the card's calibration is damaged.
    """
    items = tripod_items(card)
    return CardDocument(name or card.name, note, card.weights_sha256, interpretation(card), items)


def to_json(document: CardDocument) -> dict[str, JsonValue]:
    """As plain values; an open item's `said` is null."""
    items = [asdict(item) | {"said": item.said or None} for item in document.items]
    return {**asdict(document), "use": RESEARCH_USE, "source": SOURCE, "items": items}


def to_markdown(document: CardDocument) -> str:
    """As one Markdown file."""
    lines = [
        f"# Model card: {markdown_text(document.name)}",
        "",
        f"{RESEARCH_USE}. {markdown_text(document.verdict)}",
        "",
    ]
    if document.note:
        lines += [markdown_text(document.note), ""]
    lines += [f"{document.summary} Weights SHA-256 `{document.weights_sha256 or 'not recorded'}`."]
    for section in dict.fromkeys(item.section for item in document.items):
        lines += ["", f"## {section}", "", "| item | topic | what is known |", "|---|---|---|"]
        for item in document.items:
            if item.section == section:
                lines.append(f"| {item.number} | {item.topic} | {markdown_text(item.said) or f'*{OPEN}*'} |")
    return "\n".join(lines) + "\n"
