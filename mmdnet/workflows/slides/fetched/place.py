"""Where a slide's file lies on this machine, whatever its path is: the one way from a slide's path to a file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Generic, TypeVar

from mmdnet.errors import LabError, NotNowError
from mmdnet.progress import Progress, silent
from mmdnet.settings import Settings
from mmdnet.slides.slide_url import SlideUrl, is_url, url_of
from mmdnet.workflows.slides.fetched.cache import Held, ObjectCache
from mmdnet.workflows.slides.fetched.servers import AwayError, Seen, away, below, server_of

if TYPE_CHECKING:
    from mmdnet.slides.geometry import Level, Window
    from mmdnet.slides.pixels import Pixels
    from mmdnet.slides.readers.reader import SlideReader
    from mmdnet.slides.readers.source import Source
    from mmdnet.slides.readers.tiles.tile_pass import Tiling

DICOM = ".dcm"
FOLDER = "fetched"  # of the home's cache
BELIEVED_S = 10.0  # how long what a server said is believed without asking again: a view is 30 tiles
AT_ONCE = 2  # fetched in the background of pages


@dataclass
class SlideFile:
    """A slide's file on this machine; one that was fetched stays until this is closed, or nobody has it any more."""

    path: Path
    held: Held | None = None

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        if self.held is not None:
            self.held.close()


def slide_file(settings: Settings, path: str | Path | SlideUrl, progress: Progress = silent) -> SlideFile:
    """The file behind a slide's path: that path, or what is fetched from its server where it is not here yet.

    A server is asked at every opening which version it has (believed for ten seconds). While it cannot be reached, what
    was fetched before serves. Where `settings.fetch_wait_s` says how long to wait, its answer and the fetch are waited
    for so long each, and go on in the background.

    Raises:
        AwayError: the server cannot be reached, and nothing was fetched before.
        NotNowError: it is still coming.
        LabError: it lies outside what may be fetched from, is no slide that is one file, or is gone; or see
            `ObjectCache.fetch`.
    """
    if not isinstance(path, SlideUrl) and not is_url(str(path)):
        return SlideFile(Path(path))
    url, cache = allowed_url(settings, str(path)), _cache(settings)
    _check_alone(url)
    try:
        seen = _seen(url, settings.fetch_wait_s)
    except AwayError:
        held = cache.newest(url)
        if held is None:
            raise
        return SlideFile(held.path, held)
    held = cache.kept(url, seen) or _fetched(settings, cache, url, seen, progress)
    return SlideFile(held.path, held)


def allowed_url(settings: Settings, text: str) -> SlideUrl:
    """The address, if slides may be fetched from there.

    Raises:
        LabError: it may not; one sentence, whatever is wrong with it, and no server is asked.
    """
    url = url_of(text)
    if url is None or not any(url.lies_in(root) for root in settings.slide_urls):
        known = ", ".join(map(str, settings.slide_urls)) or "no URL is named"
        raise LabError(
            f"{text} does not lie at a URL that slides may be added from: {known}. Have whoever runs the lab name its "
            "place with --slides (MMDNET_SLIDE_URLS). Nothing was added."
        )
    return url


def look_at(settings: Settings, url: SlideUrl) -> Seen:
    """What its server says of a slide that may be fetched, without fetching it.

    Raises:
        LabError: it may not be, is not there, or the server cannot be reached.
    """
    return _seen(allowed_url(settings, str(url)), settings.fetch_wait_s)


def urls_at(url: SlideUrl) -> list[SlideUrl]:
    """The slide at an address, or those below one that ends with `/`, sorted.

    Raises:
        LabError: none there, none of a kind that comes alone, or as `servers.below`.
    """
    if not url.is_folder:
        _check_alone(url)
        return [url]
    found = [here for here in below(url) if url_of(str(here)) == here and not here.is_folder]
    slides = [here for here in found if not _not_alone(here)]
    if not slides:
        raise LabError(f"No slides that can be fetched were found below {url}. Nothing was added.")
    return slides


def _check_alone(url: SlideUrl) -> None:
    if problem := _not_alone(url):
        raise LabError(f"{url.name} was not added: {problem} Nothing was changed.")


def _not_alone(url: SlideUrl) -> str | None:
    """Why a slide of this kind cannot be fetched by its own address; None where it can."""
    from mmdnet.slides.readers.formats import format_of_suffix

    suffix = PurePosixPath(url.name).suffix.lower()
    known = format_of_suffix(suffix)
    if known is None:
        return f"{suffix or 'a name without ending'} is no slide."
    if known.more_files or suffix == DICOM:
        more = known.more_files or "the other files of its series"
        return (
            f"a {known.name} slide is this file and {more}, and by URL one file alone comes. Put them in a folder on "
            "the lab's server."
        )
    return None


def stamp_of(settings: Settings, path: str) -> tuple[int, int | str]:
    """What changes when another file takes the place of a slide's: size, and time of change or version; (0, 0) where
    there is none."""
    try:
        if is_url(path):
            seen = _seen(allowed_url(settings, path), settings.fetch_wait_s)
            return seen.size, seen.version
        stat = Path(path).stat()
        return stat.st_size, stat.st_mtime_ns
    except (OSError, LabError):
        return 0, 0


def forget(settings: Settings, path: str) -> None:
    """Remove what was fetched of a slide, where its path is a URL."""
    if url := url_of(path) if is_url(path) else None:
        _cache(settings).forget(url)


def is_gone(path: str) -> bool:
    """Whether a slide's file no longer lies where it was; a server is not asked, and counts as there."""
    return not is_url(path) and not Path(path).exists()


def open_file(settings: Settings, path: str | Path | SlideUrl, open_at: Callable[[Path], SlideReader],
              progress: Progress = silent) -> SlideReader:  # fmt: skip
    """The reader that `open_at` makes of a slide's file; it holds what was fetched as long as it is in use.

    Raises:
        LabError: as `slide_file`, or whatever `open_at` raises.
    """
    file = slide_file(settings, path, progress)
    try:
        reader = open_at(file.path)
    except BaseException:
        file.close()
        raise
    return reader if file.held is None else reader.through(lambda source: _HeldSource(source, file))


class _HeldSource:
    """A source that keeps its file from being removed while it is open."""

    def __init__(self, source: Source, file: SlideFile) -> None:
        self._source, self._file = source, file
        self.levels: tuple[Level, ...] = source.levels

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        return self._source.read(window, out)

    def tiling(self, level: int) -> Tiling | None:
        return self._source.tiling(level)

    def close(self) -> None:
        self._source.close()
        self._file.close()


def _cache(settings: Settings) -> ObjectCache:
    return ObjectCache(settings.folder("cache") / FOLDER, int(settings.slide_cache_gib * 2**30))


_T = TypeVar("_T")


@dataclass
class _Aside(Generic[_T]):
    """What a thread does on the side, and when it began: however many wait, none waits longer than from there on."""

    told: str
    done: Future[_T] = field(default_factory=Future)
    begun: float = field(default_factory=time.monotonic)
    ended: float = 0.0

    def start(self, work: Callable[[], _T]) -> None:
        threading.Thread(target=self._do, args=(work,), daemon=True).start()

    def result(self, wait_s: float | None) -> _T:
        """What it came to.

        Raises:
            TimeoutError: it is still at it.
        """
        return self.done.result(None if wait_s is None else max(0.0, self.begun + wait_s - time.monotonic()))

    def tell(self, share: float, message: str, /, **numbers: object) -> None:
        self.told = message

    def _do(self, work: Callable[[], _T]) -> None:
        try:
            result = work()
        except BaseException as error:  # whoever waits is told
            self.ended = time.monotonic()
            self.done.set_exception(error)
        else:
            self.ended = time.monotonic()
            self.done.set_result(result)


_LOCK = threading.Lock()
_TURN = threading.Semaphore(AT_ONCE)
_ASKED: dict[SlideUrl, _Aside[Seen]] = {}
_COMING: dict[SlideUrl, _Aside[None]] = {}
_SILENT: dict[tuple[str, str], float] = {}  # servers, and when one last did not answer


def _seen(url: SlideUrl, wait_s: float | None) -> Seen:
    """What the server says of an object, or said a moment ago. Who waits only so long does not ask a silent one again.

    Raises:
        LabError: as `Server.look`; AwayError also where no answer came in time.
    """
    server, now = (url.scheme, url.host), time.monotonic()
    with _LOCK:
        asked = _ASKED.get(url)
        if asked is None or (asked.done.done() and now - asked.ended > BELIEVED_S):
            if wait_s is not None and now - _SILENT.get(server, float("-inf")) < BELIEVED_S:
                raise away(url, "it did not answer a moment ago")
            asked = _ASKED[url] = _Aside("")
            asked.start(server_of(url).look)
    try:
        return asked.result(wait_s)
    except TimeoutError:
        _SILENT[server] = now
        raise away(url, "no answer yet") from None
    except AwayError as error:
        _SILENT[server] = now
        raise AwayError(str(error)) from None
    except LabError:
        _ASKED.pop(url, None)
        raise


def _fetched(settings: Settings, cache: ObjectCache, url: SlideUrl, seen: Seen, progress: Progress) -> Held:
    if settings.fetch_wait_s is None:
        return cache.fetch(url, server_of(url), seen, progress)
    with _LOCK:
        coming = _COMING.get(url)
        if coming is None:
            busy = [other.begun for other in _COMING.values() if not other.done.done()]
            coming = _COMING[url] = _Aside(f"waiting for {AT_ONCE} others" if len(busy) >= AT_ONCE else "it begins")
            if len(busy) >= AT_ONCE:  # it cannot be here soon: a page of many slides does not wait for each
                coming.begun = min(busy)
            coming.start(partial(_fetch_aside, cache, url, seen, coming))
    try:
        coming.result(settings.fetch_wait_s)
    except TimeoutError:
        pass
    finally:
        if coming.done.done():
            with _LOCK:
                if _COMING.get(url) is coming:
                    del _COMING[url]
    if held := cache.kept(url, seen):
        return held
    raise NotNowError(f"{url.name} is not here yet ({coming.told}). Look again in a moment; it comes by itself.")


def _fetch_aside(cache: ObjectCache, url: SlideUrl, seen: Seen, coming: _Aside[None]) -> None:
    with _TURN:
        cache.fetch(url, server_of(url), seen, coming.tell).close()
