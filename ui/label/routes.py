"""The labelling canvas's own routes: its queue, the acts of its reader, the atlas, and the reader's keys.

Reader and label session come from the token, never from what is sent. Nothing here tells a reader about another
reader's label of a patch before they have given theirs.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mmdnet.errors import LabError
from mmdnet.workflows.labelling.views import LabelAct, LabelRefused
from ui.shell.access import remember
from ui.shell.routes import LabGetter, answering, grant_of, number_of
from ui.shell.session import lab
from ui.shell.tokens import Grant

log = logging.getLogger("mmdnet.routes")

MOST_ACTS = 100
MOST_ITEMS = 200
MOST_BYTES = 256 * 1024


class _LabelRoutes:
    """The routes' work; all of it that touches the database runs in a thread."""

    def __init__(self, lab_getter: LabGetter) -> None:
        self.lab = lab_getter

    async def queue(self, request: Request) -> Response:
        """A stretch of the session's queue, with what its own reader gave."""
        grant = grant_of(request, "label")
        offset = number_of(request, "offset", 0, 0, 10**9)
        limit = number_of(request, "limit", 60, 1, MOST_ITEMS)

        def look() -> list[dict[str, Any]]:
            lab, session_id = self.lab(), _known(grant.session_id)
            lab.labels.sessions.check_reader(session_id, _known(grant.reader_id))
            hints = lab.labels.suggestions.of_queue(session_id, offset, limit)
            items = lab.labels.sessions.queue(session_id, offset, limit)
            return [asdict(item) | {"suggestion": hints.get(item.patch_id)} for item in items]

        return JSONResponse({"items": await run_in_threadpool(look)})

    async def progress(self, request: Request) -> Response:
        """How far the session is."""
        grant = grant_of(request, "label")

        def look() -> dict[str, Any]:
            labels = self.lab().labels
            labels.sessions.check_reader(_known(grant.session_id), _known(grant.reader_id))
            return asdict(labels.sessions.progress(_known(grant.session_id)))

        answer = JSONResponse(await run_in_threadpool(look))
        remember(answer, self.lab(), grant)
        return answer

    async def atlas(self, request: Request) -> Response:
        """Exemplars of each grade that this reader may see."""
        grant = grant_of(request, "label")

        def look() -> dict[str, Any]:
            lab, session_id = self.lab(), _known(grant.session_id)
            lab.labels.sessions.check_reader(session_id, _known(grant.reader_id))
            return {
                task: {str(grade): asdict(one) for grade, one in grades.items()}
                for task, grades in lab.labels.atlas.exemplars(session_id).items()
            }

        return JSONResponse(await run_in_threadpool(look))

    async def acts(self, request: Request) -> Response:
        """Take acts in their order; each is answered by itself, and a refused one does not hold up the next."""
        grant = grant_of(request, "label")
        sent = await _sent(request, "acts")
        if not isinstance(sent, list) or not 1 <= len(sent) <= MOST_ACTS or not all(isinstance(a, dict) for a in sent):
            raise LabError(f"From 1 to {MOST_ACTS} labels can be sent at once.")
        results = await run_in_threadpool(lambda: [self._take(grant, act) for act in sent])
        return JSONResponse({"results": results})

    async def keys(self, request: Request) -> Response:
        """Keep the reader's own keys."""
        grant = grant_of(request, "label")
        keys = await _sent(request, "keys")
        if not isinstance(keys, dict):
            raise LabError("The keys that were sent could not be read. Nothing was changed.")
        chosen = await run_in_threadpool(lambda: self.lab().readers.set_keys(_known(grant.reader_id), keys))
        return JSONResponse({"keys": chosen})

    def _take(self, grant: Grant, sent: dict[str, Any]) -> dict[str, Any]:
        labels = self.lab().labels
        session_id, reader_id = _known(grant.session_id), _known(grant.reader_id)
        answer: dict[str, Any] = {"key": sent.get("key")}
        try:
            if sent.get("act") == "undo":
                patches = labels.acts.undo(session_id, reader_id, key=sent.get("key"), undoes=sent.get("undoes"))
                return answer | {"saved": True, "patches": patches}
            labels.acts.put(_act(sent, session_id, reader_id))
            return answer | {"saved": True}
        except LabelRefused as refusal:
            return answer | {"saved": False, "problem": str(refusal)}


async def _sent(request: Request, name: str) -> Any:
    """What was sent under that name."""
    body = await request.body()
    if len(body) > MOST_BYTES:
        raise LabError("Too much was sent at once.")
    try:
        return json.loads(body)[name]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LabError("What was sent could not be read. Nothing was changed.") from error


def _known(number: int | None) -> int:
    assert number is not None  # grant_of(request, "label") has seen to it
    return number


def _act(sent: dict[str, Any], session_id: int, reader_id: int) -> LabelAct:
    """An act from what was sent; session and reader come from the token, never from the message."""
    grades, shown = sent.get("grades", {}), sent.get("shown", {})
    took, patch = sent.get("took_ms"), sent.get("patch_id")
    if not isinstance(grades, dict) or not isinstance(shown, dict) or type(patch) is not int:
        refusal = LabelRefused("The label that was sent could not be read. Nothing was changed.")
        log.warning("label refused to reader %s in session %s: %s", reader_id, session_id, refusal)
        raise refusal
    return LabelAct(
        key=sent.get("key", ""),
        session_id=session_id,
        reader_id=reader_id,
        patch_id=patch,
        act=str(sent.get("act", "")),
        grades=grades,
        ignored=sent.get("ignored") is True,
        flagged=sent.get("flagged") is True,
        shown=shown,
        took_ms=took if type(took) is int else None,
        based_on=sent.get("based_on"),
    )


def label_routes(lab_getter: LabGetter = lab) -> list[Route]:
    """The routes `app.py` mounts; they need the guard of `ui.shell.routes.middleware`."""
    work = _LabelRoutes(lab_getter)
    return [
        Route("/api/label/queue", answering(work.queue)),
        Route("/api/label/progress", answering(work.progress)),
        Route("/api/label/atlas", answering(work.atlas)),
        Route("/api/label/acts", answering(work.acts), methods=["POST"]),
        Route("/api/label/keys", answering(work.keys), methods=["POST"]),
    ]
