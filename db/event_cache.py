"""What was read off a project's label events, kept while this program runs; slides with newer events are read again.

A project may hold hundreds of thousands of labels, and pages ask for what they come to after every one. Label events
are only ever added, and neither they nor the patches they point at are deleted: so what was read before stays true of
every slide without a newer event, as long as the chain of events goes on from where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import LabelEvent, Patch, Slide

FEW_SLIDES = 200  # with newer events, up to which what was read of a project's other labels is worth keeping
T = TypeVar("T")


class EventHead(NamedTuple):
    """The newest label event: what was read off all events up to it is true while the chain goes on from its hash."""

    id: int
    hash: str


class _Kept(NamedTuple):
    """What was read when this was the newest event."""

    head: EventHead | None
    value: Any  # of the type that its cache is of


class EventCache(Generic[T]):
    """What was asked of projects' label events last, for each database.

    Args:
        most: how many answers are kept for a database.
        joined: of an answer, one to the same question on some slides alone, and these slides: the answer on all slides,
            where the second one replaces what the first says of those.
    """

    def __init__(self, most: int, joined: Callable[[T, T, Collection[int]], T]) -> None:
        self._most = most
        self._joined = joined
        self._kept: WeakKeyDictionary[Any, dict[tuple[int, Hashable], _Kept]] = WeakKeyDictionary()

    def get(
        self, session: Session, project_id: int, read: Callable[[Collection[int] | None], T], asked: Hashable = ()
    ) -> T:
        """The answer as it stands.

        Args:
            read: the answer on these slides of the project, or on all of them (None).
            asked: what else the answer depends on.
        """
        kept = self._kept.get(session.get_bind(), {})
        head, known = _newest(session), kept.get((project_id, asked))
        if known is not None and known.head == head:
            return known.value  # type: ignore[no-any-return]
        touched = None if known is None else _slides_after(session, project_id, known.head)
        if known is None or touched is None or len(touched) > FEW_SLIDES:
            value = read(None)
        else:
            value = self._joined(known.value, read(touched), touched)
        others = [item for item in kept.items() if item[0] != (project_id, asked)]
        self._kept[session.get_bind()] = dict([*others, ((project_id, asked), _Kept(head, value))][-self._most :])
        return value


def _newest(session: Session) -> EventHead | None:
    newest = session.execute(select(LabelEvent.id, LabelEvent.hash).order_by(LabelEvent.id.desc()).limit(1)).first()
    return None if newest is None else EventHead(*newest)


def _slides_after(session: Session, project_id: int, head: EventHead | None) -> set[int] | None:
    """Slides of a project with label events newer than this one; None where the chain does not go on from it."""
    newer = select(Patch.slide_id).join(LabelEvent, LabelEvent.patch_id == Patch.id)
    newer = newer.join(Slide, Slide.id == Patch.slide_id).where(Slide.project_id == project_id).distinct()
    if head is None:
        return set(session.scalars(newer))
    if session.scalar(select(LabelEvent.hash).where(LabelEvent.id == head.id)) != head.hash:
        return None
    return set(session.scalars(newer.where(LabelEvent.id > head.id)))


def joined_by_slide(before: dict[int, T], fresh: dict[int, T], slides: Collection[int]) -> dict[int, T]:
    """`EventCache`'s `joined`, of answers by slide."""
    return {slide: answer for slide, answer in before.items() if slide not in slides} | fresh
