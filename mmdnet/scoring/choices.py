"""How a slide is scored; nothing heavy is imported here."""

from dataclasses import dataclass

AUTO = "auto"  # the aggregation rule the model was calibrated with, else the default one


@dataclass(frozen=True, slots=True)
class ScoringChoices:
    """How a slide is scored.

    Attributes:
        rule: `auto`, or the name of one of `mmdnet.scoring.rules.RULES`.
        bag_size: patches to a bag; None takes the calibration's, else 48, a 200x field.
        ignore_above: patches the quality gate holds for worse than this are left out (only where the gate was trained).
        resamples, seed: of the bootstrap.
        batch: patches through the backbone at once.
    """

    rule: str = AUTO
    bag_size: int | None = None
    ignore_above: float = 0.5
    resamples: int = 1000
    seed: int = 0
    batch: int = 32
