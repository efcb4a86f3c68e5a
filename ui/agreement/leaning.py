"""How far readers lean on suggested grades: the share of the wrong ones planted among them that they took."""

from __future__ import annotations

import streamlit as st

from ui.shell import words
from ui.shell.literal import plain
from ui.shell.session import lab


def leaning(project_id: int) -> None:
    """A row per reader who was shown planted wrong grades; nothing where nobody was."""
    import pandas as pd

    rates = lab().labels.suggestions.accepted_wrong(project_id)
    if not rates:
        return
    st.header("Leaning on suggestions")
    table = [
        {
            "Reader": plain(rate.reader),
            "Wrong ones shown": rate.shown,
            "Taken": rate.taken,
            "Share taken (95 % interval)": "{} ({} to {})".format(*map(words.share, (rate.share, rate.low, rate.high))),
        }
        for rate in rates
    ]
    st.dataframe(pd.DataFrame(table), hide_index=True, alt="Planted wrong suggestions shown to and taken by readers")
    st.caption(
        "About 3 % of suggested grades are wrong on purpose, in one feature. The interval is Wilson's. Labels given "
        "with a suggestion in view are not independent of the model they are compared with above."
    )
