"""[restore] A backup taken while a reader labels, a key every 60 ms, restored elsewhere and compared label by label."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import select

from benchmarks._label_home import label_lab, wait_until
from benchmarks._presses import pressing
from benchmarks.result import Result
from db.models import LabelEvent
from mmdnet.backups.manifest import manifest_of
from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.settings import PROJECT_ROOT, Settings

LABELS_BEFORE = 20  # acknowledged before the first backup begins


def run(quick: bool = False) -> Result:
    """`value`: labels acknowledged before a backup began that its lab lacks, and broken records. Quick: one backup."""
    backups, lacking, there, intact = (1 if quick else 10), 0, 0, 0
    with label_lab(500) as bench, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as elsewhere:
        session = bench.session("Ada", 500)
        bench.running.start_app()
        with pressing(bench, "Ada", session) as told:
            if not wait_until(lambda: len(told.saved) >= LABELS_BEFORE, 120):
                raise LabError("The lab took no labels within two minutes, so nothing was measured.")
            for number in range(backups):
                made = _mmdnet("backup", f"{elsewhere}/kept", "--home", bench.running.home)
                time.sleep(0.5)
                home = Path(elsewhere) / f"home-{number}"
                _mmdnet("restore", str(made["backup"]), "--home", home)
                account = manifest_of(Path(str(made["backup"])))
                assert account is not None  # it was restored by it
                given, (kept, whole) = told.before(account.moment), _restored(home)
                lacking, there, intact = lacking + len(given - kept), there + len(given), intact + whole
    beside = {
        "reach": 0,
        "reach_is": "most",
        "backups": backups,
        "labels_before_their_moments": there,
        "records_intact": intact,
        "labels_given": len(told.saved),
        "refused": len(told.refused),
    }
    return Result("restore", lacking + backups - intact, "labels lacking or records broken", beside, backups)


def _mmdnet(*arguments: object) -> dict[str, object]:
    command = [sys.executable, "-m", "mmdnet", *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"mmdnet {arguments[0]} failed: {done.stderr.strip()[-500:]}")
    return dict(json.loads(done.stdout))


def _restored(home: Path) -> tuple[set[str], bool]:
    """Keys of the label events in a restored lab, and whether its record is intact."""
    lab = open_lab(Settings(home=home))
    with lab.db() as session:
        keys = set(session.scalars(select(LabelEvent.key)))
    return keys, all(verdict.intact for verdict in lab.labels.record.verify_all())
