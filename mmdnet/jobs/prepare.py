"""Bring both databases up to date before anything starts: `python -m mmdnet.jobs.prepare`.

Prints `new` when the lab has no project yet, else `ready`.
"""

import sys

from sqlalchemy import func, select

from db.engine import damage_of, make_engine, migrate, session_factory
from db.models import Project
from mmdnet.errors import LabError
from mmdnet.jobs.queue_files import prepared_queue
from mmdnet.settings import Settings, load_settings
from mmdnet.troubles import DAMAGED


def prepare(settings: Settings) -> bool:
    """Migrate the lab's database and the queue's; True when there is no project yet.

    Raises:
        LabError: one of them cannot be reached or written, or is damaged.
    """
    for url in (settings.lab_url, settings.queue_url):
        if damage_of(url, thorough=False):
            raise LabError(DAMAGED)
    migrate(settings.lab_url)
    prepared_queue(settings)
    engine = make_engine(settings.lab_url)
    try:
        with session_factory(engine)() as session:
            return session.scalar(select(func.count()).select_from(Project)) == 0
    finally:
        engine.dispose()


if __name__ == "__main__":
    try:
        print("new" if prepare(load_settings()) else "ready")
    except LabError as error:
        sys.exit(str(error))
