"""What a training remembers from epoch to epoch, and what it tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

LATE_EPOCHS = 3
Row = dict[str, float | None]  # numbers of an epoch by name, as metrics.csv has them


@dataclass
class RunState:
    """Where a training stands.

    Attributes:
        identity: what the run is of (choices, labels, split), as JSON; a run of another identity is never continued.
        epoch: epochs done.
        best_epoch: the epoch whose weights are the best so far (0: none).
        best_score: (mean kappa, minus the loss) on validation then.
        history: one row per epoch done.
        seconds: spent so far.
    """

    identity: dict[str, object]  # compared as a whole, never read by field
    epoch: int = 0
    best_epoch: int = 0
    best_score: tuple[float, float] = (-1e9, -1e9)
    history: list[Row] = field(default_factory=list)
    seconds: float = 0.0

    def close(
        self,
        losses: Mapping[str, float],
        metrics: Mapping[str, float | None],
        seconds: float,
        judged: bool,
        rate: float | None = None,
    ) -> bool:
        """Count an epoch as done; True where its weights are the best so far.

        Args:
            losses: means over the epoch's steps, with "total".
            metrics: on the validation part; empty while warming up.
            seconds: that the epoch took.
            judged: there is a validation part; without one the last epoch counts as the best.
            rate: the highest learning rate of the epoch's last step.
        """
        self.epoch += 1
        self.seconds += seconds
        row: Row = {"epoch": self.epoch, "seconds": round(seconds, 3), "loss": losses["total"]}
        row |= {f"loss_{key}": value for key, value in losses.items() if key != "total"}
        if rate is not None:
            row["learning_rate"] = rate
        row |= {f"validation_{key}": value for key, value in metrics.items()}
        self.history.append(row)
        kappa, loss = metrics.get("kappa_mean"), metrics.get("loss")
        score = (kappa if kappa is not None else -2.0, -loss if loss is not None else 0.0)
        best = not judged or bool(metrics and score > self.best_score)
        if best:
            self.best_epoch, self.best_score = self.epoch, score
        return best

    def numbers(self, epochs: int, done: float, losses: Mapping[str, float]) -> dict[str, object]:
        """What is told beside share and message of a training of `epochs` when `done` of them are: JSON values."""
        last, pace = self.history[-1] if self.history else {}, self._pace_s
        return {
            "epoch": self.epoch,
            "epochs": epochs,
            "loss": losses.get("total", 0.0),
            "losses": losses,
            "metrics": {key.removeprefix("validation_"): v for key, v in last.items() if key.startswith("validation_")},
            "eta_s": None if pace is None else pace * (epochs - done),
        }

    @property
    def _pace_s(self) -> float | None:
        """Seconds an epoch, by the last few: those of the warm-up and the first ones take otherwise long."""
        of_late = [seconds for row in self.history[-LATE_EPOCHS:] if (seconds := row.get("seconds")) is not None]
        return sum(of_late) / len(of_late) if of_late else None
