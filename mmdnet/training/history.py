"""What a training leaves to look at: a table and TensorBoard's file."""

from pathlib import Path

from mmdnet.files import write_aside
from mmdnet.tables import to_csv
from mmdnet.training.run_state import Row


def write_history(folder: Path, history: list[Row]) -> None:
    """Write metrics.csv, one row per epoch, and the last epoch to TensorBoard.

    The table is written whole each time, so a resumed run neither repeats a row nor loses one.
    """
    columns = list(dict.fromkeys(key for row in history for key in row))
    write_aside(folder / "metrics.csv", to_csv(columns, history).encode())
    from torch.utils.tensorboard import SummaryWriter

    row = history[-1]
    with SummaryWriter(str(folder / "tensorboard"), purge_step=row["epoch"]) as board:
        for key, value in row.items():
            if key != "epoch" and value is not None:
                board.add_scalar(key.replace("_", "/", 1), value, row["epoch"])
