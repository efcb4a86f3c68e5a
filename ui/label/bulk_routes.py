"""Routes of the Label many page: the patches as one binary answer, a grade for many, and taking it back.

They stand behind the guard and tokens of the canvas's routes (`ui.shell.routes`); reader and session come from it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mmdnet.labels.grading import SHOWN_TASKS, TASK_NAMES
from ui.server.bodies import Id, Json, Sent, read_body
from ui.shell.access import remember
from ui.shell.literal import plain
from ui.shell.routes import LabGetter, answering, grant_of
from ui.shell.session import lab_of_server
from ui.shell.sign_in import lab_for_request

if TYPE_CHECKING:
    from mmdnet.workflows.labelling.bulk import BulkPatches

MOST_BYTES = 512 * 1024
COLUMNS = (  # name and little-endian type of each array, in the order they are sent
    ("patch_id", "<u4"),
    ("slides_xy", "<f4"),
    ("map_xy", "<f4"),
    ("fat", "<f4"),
    ("slide", "<u2"),
    ("kind", "<u1"),
    ("grades", "<u1"),
)


def packed(bulk: BulkPatches) -> bytes:
    """Length of a JSON head (4 bytes), the head, padding to 4 bytes, then the arrays of `COLUMNS` one after another."""
    import numpy as np

    shown = [task.name for task in SHOWN_TASKS]  # as the page has its buttons
    head = {
        "patches": len(bulk.patch_id),
        "tasks": shown,
        "slides": [
            {"id": box.id, "name": plain(box.name), "x": box.x, "y": box.y, "width": box.width, "height": box.height}
            | {"crop": box.crop}
            for box in bulk.slides
        ],
        "method": bulk.method,
        "side": bulk.side,
        "queued": bulk.queued,
        "last": None if bulk.last is None else {"key": bulk.last.key, "patches": bulk.last.patches},
    }
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 4)
    columns = {name: getattr(bulk, name) for name, _ in COLUMNS}
    columns["grades"] = bulk.grades[:, [TASK_NAMES.index(name) for name in shown]]
    arrays = [np.ascontiguousarray(columns[name], dtype=kind).tobytes() for name, kind in COLUMNS]
    return b"".join([np.uint32(len(text)).astype("<u4").tobytes(), text, *arrays])


class SentMany(Sent):
    """One state for many patches, as one act."""

    key: Annotated[str, Field(min_length=1)]
    patches: list[Id]
    grades: dict[str, int | None] = Field(default_factory=dict)
    ignored: bool = False
    shown: Json = Field(default_factory=dict)


class SentUndo(Sent):
    """The act to take back, and a key for taking it back: without one, sent again it would be another."""

    key: Annotated[str, Field(min_length=1)]
    undoes: str


GIVEN, UNDONE = TypeAdapter(SentMany), TypeAdapter(SentUndo)
WORDS = {
    "key": "The act came without a key, so it could not be kept apart from others.",
    "patches": "The patches that were sent could not be read. Nothing was changed.",
    "grades": "The grades that were sent could not be read. Nothing was changed.",
    "undoes": "It was not said which act to take back. Nothing was changed.",
}


class _Routes:
    def __init__(self, lab_getter: LabGetter) -> None:
        self.lab = lab_getter

    async def patches(self, request: Request) -> Response:
        """Every patch the reader may label in bulk; see `packed`."""
        session_id, reader_id = _who(request)
        data = await run_in_threadpool(lambda: packed(self.lab().labels.bulk.patches(session_id, reader_id)))
        answer = Response(data, media_type="application/octet-stream")
        remember(answer, self.lab(), grant_of(request, "label"))
        return answer

    async def give(self, request: Request) -> Response:
        """Give grades to many patches as one act."""
        session_id, reader_id = _who(request)
        sent = await read_body(request, GIVEN, MOST_BYTES, WORDS)
        given = await run_in_threadpool(
            lambda: self.lab().labels.bulk.give(
                session_id, reader_id, sent.patches, sent.grades, sent.ignored, sent.key, sent.shown
            )
        )
        return JSONResponse({"given": given})

    async def undo(self, request: Request) -> Response:
        """Take the named act back if it is the reader's last in this session."""
        session_id, reader_id = _who(request)
        sent = await read_body(request, UNDONE, MOST_BYTES, WORDS)
        patches = await run_in_threadpool(
            lambda: self.lab().labels.acts.undo(session_id, reader_id, key=sent.key, undoes=sent.undoes)
        )
        return JSONResponse({"undone": len(patches)})


def _who(request: Request) -> tuple[int, int]:
    """Session and reader of the request's token."""
    grant = grant_of(request, "label")
    assert grant.session_id is not None and grant.reader_id is not None  # grant_of has seen to it
    return grant.session_id, grant.reader_id


def bulk_routes(lab_getter: LabGetter = lab_of_server) -> list[Route]:
    """The routes `app.py` mounts beside the others; they need the guard of `ui.shell.routes.middleware`."""
    work = _Routes(lab_for_request(lab_getter))
    return [
        Route("/api/bulk/patches", answering(work.patches)),
        Route("/api/bulk/give", answering(work.give), methods=["POST"]),
        Route("/api/bulk/undo", answering(work.undo), methods=["POST"]),
    ]
