"""When a job that waits is to begin: before or after others that wait, not before a time, after another has ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal, get_args

from mmdnet.errors import LabError

Priority = Literal["first", "normal", "last"]
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
NUMBERS: Mapping[Priority, int] = {"first": 1, "normal": 10, "last": 100}  # of those that wait, the smallest goes first
HELD = datetime(2500, 1, 1, tzinfo=UTC)  # until then the queue holds what waits for another job and is let go before
LONGEST = timedelta(days=366)
CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class JobPlan:
    """When a job begins.

    Attributes:
        priority: of those that may begin, which goes first.
        not_before: a moment with its time zone; None is at once.
        after: number of the job that has to be done before; it begins by itself then.
    """

    priority: Priority = "normal"
    not_before: datetime | None = None
    after: str | None = None

    def check(self) -> None:
        """Refuse what no job can begin by.

        Raises:
            LabError: no such priority, or a moment that is over, too far, or without a time zone.
        """
        if self.priority not in PRIORITIES:
            raise LabError(
                f"There is no priority {self.priority}; there are {', '.join(PRIORITIES)}. Nothing was changed."
            )
        if self.not_before is None:
            return
        if self.not_before.tzinfo is None:
            raise LabError("The time to begin has no time zone, so it is not known when it is. Nothing was changed.")
        now = datetime.now(UTC)
        if self.not_before <= now:
            raise LabError("The time to begin is over already. Choose a later one; nothing was changed.")
        if self.not_before > now + LONGEST:
            raise LabError("The time to begin is more than a year away. Choose an earlier one; nothing was changed.")


AT_ONCE = JobPlan()


def still_to_come(moment: datetime | None) -> datetime | None:
    """The moment a job waits for; None where that is over."""
    return moment if moment is not None and moment > datetime.now(UTC) else None


def priority_of(number: int) -> Priority:
    """The priority a queue's number stands for; jobs of earlier builds have 0 and go first."""
    return next((name for name in PRIORITIES if number <= NUMBERS[name]), "last")


def moment_of(text: str, now: datetime | None = None, zone: tzinfo | None = None) -> datetime:
    """The moment that a person writes: `22:00`, the next time the clock shows it, or `2026-12-01 22:00`.

    Args:
        text: as written; a date with a time, ISO 8601, is of `zone` where it names none.
        now: with its time zone; the clock's if not given.
        zone: the person's; this machine's if not given.

    Raises:
        LabError: it is neither.
    """
    here = (now or datetime.now(UTC)).astimezone(zone)
    if clock := CLOCK.fullmatch(text.strip()):
        hour, minute = map(int, clock.groups())
        moment = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return moment if moment > here else moment + timedelta(days=1)
    try:
        said = datetime.fromisoformat(text.strip())
        return said if said.tzinfo else said.replace(tzinfo=zone) if zone else said.astimezone()
    except (ValueError, OverflowError):
        raise LabError(
            f"'{text}' is no time. Write 22:00, or 2026-12-01 22:00 for another day; nothing was changed."
        ) from None
