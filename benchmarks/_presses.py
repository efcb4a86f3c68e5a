"""A reader who labels over the lab's route as a canvas does: an act is sent again by its key until it is saved."""

from __future__ import annotations

import itertools
import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmarks._label_home import LabelLab
from ui.shell.access import label_access

PRESS_S = 0.06
QUEUE = 10_000
PRESSES = 3  # keys of a label, one a task
GRADES = {"ballooning": 1, "inflammation": 2, "steatosis": 3}


@dataclass
class Pressed:
    """Acts that the lab has acknowledged: key to when the answer came (UTC); and what it refused."""

    saved: dict[str, datetime] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def before(self, moment: datetime) -> set[str]:
        """Keys of what was acknowledged before this moment."""
        return {key for key, when in list(self.saved.items()) if when < moment}


@contextmanager
def pressing(bench: LabelLab, reader: str, session: int) -> Iterator[Pressed]:
    """Keys every 60 ms, three a label, until the end of the block; the last act is waited for."""
    told, over = Pressed(), threading.Event()
    thread = threading.Thread(target=_press, args=(bench, reader, session, told, over))
    thread.start()
    try:
        yield told
    finally:
        over.set()
        thread.join()


def _press(bench: LabelLab, reader: str, session: int, told: Pressed, over: threading.Event) -> None:
    token = label_access(bench.lab, bench.project, session, bench.lab.readers.ensure(reader).id)
    patches = [item.patch_id for item in bench.lab.labels.sessions.queue(session, 0, QUEUE)]
    last: dict[int, str] = {}  # a patch comes again when all were labelled: the act says on which one it is based
    for patch in itertools.cycle(patches):
        if over.wait(PRESS_S * PRESSES):
            return
        key = uuid.uuid4().hex
        act = {"key": key, "act": "grade", "patch_id": patch, "grades": GRADES, "based_on": last.get(patch)}
        last[patch] = key
        while (result := _sent(bench, token, act)) is None:
            time.sleep(0.2)
        if result["saved"]:
            told.saved[key] = datetime.now(UTC)
        else:
            told.refused.append(str(result["problem"]))


def _sent(bench: LabelLab, token: str, act: dict[str, object]) -> dict[str, object] | None:
    """The lab's answer about this act; None where it gave none, or said that it cannot now."""
    headers = {"x-lab-token": token, "content-type": "application/json"}
    request = urllib.request.Request(
        f"{bench.running.url}/api/label/acts", json.dumps({"acts": [act]}).encode(), headers
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return dict(json.loads(answer.read())["results"][0])
    except (OSError, ValueError, urllib.error.URLError):
        return None
