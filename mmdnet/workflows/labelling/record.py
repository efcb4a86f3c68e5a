"""The record: every act of labelling in one chained log, its length, its state, and whether it is as it was written."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import access_log, event_log, slide_readings
from db import labels as rows
from db.account_models import AccessEvent, Account
from db.engine import damage_of
from db.event_log import Verdict
from db.models import LabelEvent, Patch, Reader, Slide, SlideReading
from mmdnet.errors import LabError
from mmdnet.workflows.labelling.views import AuditView
from mmdnet.workflows.services import Services


class Record:
    """Use cases reachable as `lab.labels.record`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def length(self) -> int:
        """How many events the log holds."""
        with self._services.db() as session:
            return session.scalar(select(func.count(LabelEvent.id))) or 0

    def state(self) -> str:
        """Hash of the newest event: changes whenever any label does."""
        with self._services.db() as session:
            return rows.last_hash(session)

    def verify(self) -> AuditView:
        """Whether every event of the log follows the one before, unchanged; names the first that does not.

        Raises:
            LabError: the database itself is damaged: what it gives out is no proof.
        """
        self._refuse_damage()
        return self._view(event_log.verify, _act_words)

    def verify_readings(self) -> AuditView:
        """The same of the readings of whole slides, which are a log of their own."""
        self._refuse_damage()
        return self._view(slide_readings.verify, _reading_words)

    def verify_all(self) -> tuple[AuditView, AuditView, AuditView]:
        """Acts on patches, readings of whole slides, and the log of access; the database's soundness is asked once.

        Raises:
            LabError: the database itself is damaged.
        """
        self._refuse_damage()
        return (
            self._view(event_log.verify, _act_words),
            self._view(slide_readings.verify, _reading_words),
            self._view(access_log.verify, _access_words),
        )

    def _view(self, verify: Callable[[Session], Verdict], in_words: Callable[[Session, int], str]) -> AuditView:
        with self._services.db() as session:
            verdict = verify(session)
            act = None if verdict.broken_id is None else in_words(session, verdict.broken_id)
        return AuditView(verdict.events, verdict.last_hash, verdict.broken_id, verdict.reason, act)

    def _refuse_damage(self) -> None:
        if damage := damage_of(self._services.settings.lab_url, thorough=False):
            raise LabError(
                f"The database is damaged ({damage}), so what it still gives out proves nothing. Run 'mmdnet doctor': "
                "it says which backup to go back to. Nothing was changed."
            )


def _reading_words(session: Session, reading_id: int) -> str:
    reading = session.get_one(SlideReading, reading_id)
    reader, slide = session.get(Reader, reading.reader_id), session.get(Slide, reading.slide_id)
    who, where = reader.name if reader else "nobody known", slide.name if slide else f"slide {reading.slide_id}"
    return f"{reading.act} by {who} on the whole of {where}, {reading.at:%Y-%m-%d %H:%M:%S} UTC"


def _access_words(session: Session, event_id: int) -> str:
    event = session.get_one(AccessEvent, event_id)
    account = None if event.account_id is None else session.get(Account, event.account_id)
    return f"{event.act} by {account.name if account else 'nobody known'}, {event.at:%Y-%m-%d %H:%M:%S} UTC"


def _act_words(session: Session, event_id: int) -> str:
    """Whose act it says it is, on which patch, and when: what the row holds now, whether it is true or not."""
    event = session.get_one(LabelEvent, event_id)
    reader, patch = session.get(Reader, event.reader_id), session.get(Patch, event.patch_id)
    slide = session.get(Slide, patch.slide_id) if patch else None
    where = f"{slide.name} at {patch.x_px0}, {patch.y_px0}" if slide and patch else f"patch {event.patch_id}"
    return f"{event.act} by {reader.name if reader else 'nobody known'} on {where}, {event.at:%Y-%m-%d %H:%M:%S} UTC"
