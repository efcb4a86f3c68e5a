"""The labelling canvas's own routes: its queue, the acts of its reader, the atlas, and the reader's keys.

Reader and label session come from the token, never from what is sent. Nothing here tells a reader about another
reader's label of a patch before they have given theirs.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError, field_validator
from pydantic_core import to_jsonable_python
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mmdnet.errors import LabError
from mmdnet.workflows.labelling.views import LabelAct, LabelRefused
from ui.server.bodies import Id, Json, Sent, number_in_path, read_body, sound
from ui.shell.access import remember
from ui.shell.literal import plain
from ui.shell.routes import PICTURE_HEADERS, LabGetter, answering, grant_of, number_of
from ui.shell.session import lab_of_server
from ui.shell.sign_in import lab_for_request
from ui.shell.tokens import Grant

log = logging.getLogger("mmdnet.routes")

MOST_ACTS = 100
MOST_ITEMS = 200
MOST_BYTES = 256 * 1024
OF_THE_LOG = {"batch", "of", "undoes"}  # what the log itself notes beside what was shown


class SentLabel(Sent):
    """An act on one patch; what follows `act` is the patch's whole state after it."""

    key: str
    act: str
    patch_id: Id
    grades: dict[str, int | None] = Field(default_factory=dict)
    ignored: bool = False
    flagged: bool = False
    shown: Json = Field(default_factory=dict)
    took_ms: int | None = None
    based_on: str | None = None

    @field_validator("shown")
    @classmethod
    def _names_of_the_log(cls, shown: Json) -> Json:
        if taken := OF_THE_LOG & shown.keys():
            raise ValueError(f"{sorted(taken)} are the log's own")
        return shown


class SentUndo(Sent):
    """The reader's last act is taken back; `undoes` is the one they saw as the last."""

    key: str | None = None
    undoes: str | None = None


class SentActs(Sent):
    """Acts in their order. They are read one by one, so that one that cannot be read holds up none."""

    acts: Annotated[list[Any], Field(min_length=1, max_length=MOST_ACTS)]


class SentKeys(Sent):
    """A reader's keys, one per act."""

    keys: dict[str, str]


ACTS, KEYS, LABEL, UNDO = TypeAdapter(SentActs), TypeAdapter(SentKeys), TypeAdapter(SentLabel), TypeAdapter(SentUndo)


@dataclass(frozen=True, slots=True)
class ActAnswer:
    """What became of one act: the key as it was sent, and the patches of an undo or why it was refused."""

    key: Any
    saved: bool
    patches: list[int] | None = None
    problem: str | None = None


class _LabelRoutes:
    """The routes' work; all of it that touches the database runs in a thread."""

    def __init__(self, lab_getter: LabGetter) -> None:
        self.lab = lab_getter

    async def queue(self, request: Request) -> Response:
        """A stretch of the session's queue, with what its own reader gave."""
        grant = grant_of(request, "label")
        offset = number_of(request, "offset", 0, 0, 10**9)
        limit = number_of(request, "limit", 60, 1, MOST_ITEMS)

        def look() -> list[Json]:
            labels, session_id = self.lab().labels, _known(grant.session_id)
            labels.sessions.check_reader(session_id, _known(grant.reader_id))
            hints = labels.suggestions.of_queue(session_id, offset, limit)
            items = labels.sessions.queue(session_id, offset, limit)
            return [
                to_jsonable_python(item)
                | {"slide_name": plain(item.slide_name), "stain": plain(item.stain) if item.stain else item.stain}
                | {"suggestion": to_jsonable_python(hints.get(item.patch_id))}
                for item in items
            ]

        return JSONResponse({"items": await run_in_threadpool(look)})

    async def progress(self, request: Request) -> Response:
        """How far the session is."""
        grant = grant_of(request, "label")

        def look() -> Json:
            labels = self.lab().labels
            labels.sessions.check_reader(_known(grant.session_id), _known(grant.reader_id))
            return to_jsonable_python(labels.sessions.progress(_known(grant.session_id)))

        answer = JSONResponse(await run_in_threadpool(look))
        remember(answer, self.lab(), grant)
        return answer

    async def atlas(self, request: Request) -> Response:
        """Exemplars of each grade that this reader may see."""
        grant = grant_of(request, "label")

        def look() -> Json:
            labels, session_id = self.lab().labels, _known(grant.session_id)
            labels.sessions.check_reader(session_id, _known(grant.reader_id))
            return to_jsonable_python(labels.atlas.exemplars(session_id))  # task to grade to patches

        return JSONResponse(await run_in_threadpool(look))

    async def drawn(self, request: Request) -> Response:
        """A drawn exemplar of a grade as JPEG; it is of no slide, and the same in every project."""
        grant = grant_of(request, "label")
        task, (grade, number) = request.path_params["task"], (number_in_path(request, n) for n in ("grade", "number"))

        def draw() -> bytes:
            labels = self.lab().labels
            labels.sessions.check_reader(_known(grant.session_id), _known(grant.reader_id))
            return labels.atlas.drawn(task, grade, number)

        jpeg = await run_in_threadpool(draw)
        return Response(jpeg, media_type="image/jpeg", headers=PICTURE_HEADERS)

    async def acts(self, request: Request) -> Response:
        """Take acts in their order; each is answered by itself, and a refused one does not hold up the next."""
        grant = grant_of(request, "label")
        words = {"acts": f"From 1 to {MOST_ACTS} labels can be sent at once."}
        sent = await read_body(request, ACTS, MOST_BYTES, words, apart="acts")
        answers = await run_in_threadpool(lambda: [self._take(grant, act) for act in sent.acts])
        learn = BackgroundTask(
            lambda: self.lab().learning.after_labels(grant.project_id)
        )  # after the answer: nobody waits
        return JSONResponse({"results": to_jsonable_python(answers)}, background=learn)

    async def order(self, request: Request) -> Response:
        """Which light model the session's order and suggestions are of by now: another number is another order."""
        grant = grant_of(request, "label")
        session_id = _known(grant.session_id)
        return JSONResponse({"order": await run_in_threadpool(lambda: self.lab().learning.order_of(session_id))})

    async def keys(self, request: Request) -> Response:
        """Keep the reader's own keys."""
        grant = grant_of(request, "label")
        words = {"keys": "The keys that were sent could not be read. Nothing was changed."}
        sent = await read_body(request, KEYS, MOST_BYTES, words)
        chosen = await run_in_threadpool(lambda: self.lab().readers.set_keys(_known(grant.reader_id), sent.keys))
        return JSONResponse({"keys": chosen})

    def _take(self, grant: Grant, sent: Any) -> ActAnswer:
        """Do one act. Session and reader come from the token, never from the message."""
        acts, key = self.lab().labels.acts, sent.get("key") if isinstance(sent, dict) else None
        key = key if sound(key) else None
        session_id, reader_id = _known(grant.session_id), _known(grant.reader_id)
        try:
            act = _act(sent, session_id, reader_id)
            if isinstance(act, SentUndo):
                return ActAnswer(key, True, patches=acts.undo(session_id, reader_id, key=act.key, undoes=act.undoes))
            acts.put(LabelAct(session_id=session_id, reader_id=reader_id, **dict(act)))
            return ActAnswer(key, True)
        except LabError as refusal:
            return ActAnswer(key, False, problem=plain(str(refusal)))


def _known(number: int | None) -> int:
    assert number is not None  # grant_of(request, "label") has seen to it
    return number


def _act(sent: Any, session_id: int, reader_id: int) -> SentLabel | SentUndo:
    try:
        if not (isinstance(sent, dict) and sound(sent)):
            return LABEL.validate_python(None)
        return UNDO.validate_python(sent) if sent.get("act") == "undo" else LABEL.validate_python(sent)
    except ValidationError as error:
        refusal = LabelRefused("The label that was sent could not be read. Nothing was changed.")
        log.warning("label refused to reader %s in session %s: %s", reader_id, session_id, refusal)
        raise refusal from error


def label_routes(lab_getter: LabGetter = lab_of_server) -> list[Route]:
    """The routes `app.py` mounts; they need the guard of `ui.shell.routes.middleware`."""
    work = _LabelRoutes(lab_for_request(lab_getter))
    return [
        Route("/api/label/queue", answering(work.queue)),
        Route("/api/label/progress", answering(work.progress)),
        Route("/api/label/order", answering(work.order)),
        Route("/api/label/atlas", answering(work.atlas)),
        Route("/api/label/atlas/{task}/{grade}/{number}.jpg", answering(work.drawn)),
        Route("/api/label/acts", answering(work.acts), methods=["POST"]),
        Route("/api/label/keys", answering(work.keys), methods=["POST"]),
    ]
