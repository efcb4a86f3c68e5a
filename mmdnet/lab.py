"""Where settings, database, queue and use cases are put together."""

from __future__ import annotations

from db.engine import make_engine, migrate, session_factory
from mmdnet.jobs.queue_files import prepared_queue
from mmdnet.settings import Settings, keep_private
from mmdnet.workflows.lab import Lab


def open_lab(settings: Settings) -> Lab:
    """Open the lab, bringing its databases up to date first.

    Raises:
        LabError: the home or a database cannot be used.
    """
    keep_private(settings)
    migrate(settings.lab_url)
    return Lab(settings, session_factory(make_engine(settings.lab_url)), prepared_queue(settings))
