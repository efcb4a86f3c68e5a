"""The automatic backup: looked after by whoever runs a worker, once a day, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

from mmdnet.backups.manifest import backups_in
from mmdnet.errors import LabError
from mmdnet.jobs.lease import lock_slot
from mmdnet.settings import PROJECT_ROOT, Settings

FIRST_LOOK_S = 60.0
LOOK_EVERY_S = 600.0


def is_due(settings: Settings, now: datetime | None = None) -> bool:
    """Whether the newest backup is older than it may be; never where the automatic backup is switched off."""
    if not settings.backup_every_h:
        return False
    newest = next(iter(backups_in(settings.backup_folder)), None)
    age = timedelta(hours=settings.backup_every_h)
    return newest is None or (now or datetime.now(UTC)) - newest[1].moment >= age


def keep_daily(settings: Settings) -> None:
    """Look every few minutes, in the background, whether a backup is due, and have one made.

    The process ends with this one. Of several workers of a home one makes it.
    """

    def go_on() -> None:
        time.sleep(FIRST_LOOK_S)
        while True:
            if is_due(settings):
                make_due(settings)
            time.sleep(LOOK_EVERY_S)

    threading.Thread(target=go_on, name="backup", daemon=True).start()


def make_due(settings: Settings) -> None:
    """Have one made now; should it fail, the worker's log says why and the next look tries again."""
    try:
        held = lock_slot(settings.folder("locks"), "backup")
    except (LabError, OSError):
        return
    with held:
        command = [sys.executable, "-m", "mmdnet.jobs.parent_watch", "mmdnet", "backup", "--automatic"]
        command += ["--home", str(settings.home.resolve())]
        with subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            said = process.stderr.read().strip()
            if process.wait():
                print(f"The automatic backup failed: {said}", file=sys.stderr, flush=True)
