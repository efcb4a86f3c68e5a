"""Going on with a job when the database comes back: that it was away is no failure of the work."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from mmdnet.troubles import AWAY, BUSY, trouble_of

PASSING = (AWAY, BUSY)  # troubles that end without anybody doing something to the job
ASK_EVERY_S = 0.5

Answer = TypeVar("Answer")


def through_outages(work: Callable[[], Answer], ask_every_s: float = ASK_EVERY_S) -> Answer:
    """The answer of `work`, which is asked again as long as the database is away or busy; any other error is raised.

    `work` may be done twice: what was written just as the connection went may have been written.
    """
    while True:
        try:
            return work()
        except Exception as error:
            if trouble_of(error) not in PASSING:
                raise
        time.sleep(ask_every_s)
