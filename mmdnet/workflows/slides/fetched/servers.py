"""What a server is asked of a slide: how large it is, which version, its bytes from a place on.

S3 is asked through fsspec (package s3fs), with the credentials and the endpoint of the environment (`AWS_...`), a web
server through urllib3; neither follows where an answer sends it.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from mmdnet.errors import LabError, NotNowError
from mmdnet.slides.slide_url import SlideUrl

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

CONNECT_S, READ_S = 5.0, 20.0
AT_ONCE = 4 * 2**20  # bytes asked for at once
NOTHING = "Nothing was changed."
WORDS = {
    "NewConnectionError": "no connection",
    "EndpointConnectionError": "no connection",
    "NameResolutionError": "its name is not known",
    "ConnectTimeoutError": "no answer",
    "ReadTimeoutError": "no answer",
    "ProtocolError": "it broke off",
    "SSLError": "its certificate is not trusted",
}
"""What a person is told of an error."""
GONE, REFUSED, PARTIAL = (404, 410), (401, 403), 206


class AwayError(NotNowError):
    """The server does not answer now; later it may."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server says of an object: its size in bytes, and what changes when another takes its place."""

    size: int
    version: str


class Server(Protocol):
    """One object on a server. Every method raises AwayError, or LabError where it is gone or not to be read."""

    def look(self) -> Seen:
        """Its size and version now."""

    def read(self, start: int) -> tuple[int, Iterator[bytes]]:
        """Where the bytes that come really begin (at 0 from a server that knows no other place), and they."""


def server_of(url: SlideUrl) -> Server:
    """The server an address names; nothing is asked yet."""
    return _S3(url) if url.scheme == "s3" else _Web(url)


def below(url: SlideUrl) -> list[SlideUrl]:
    """The objects below an address that ends with `/`, sorted.

    Raises:
        LabError: a web server, which lists nothing; or as `Server`.
    """
    if url.scheme != "s3":
        raise LabError(f"{url} names no slide, and a web server does not list what it has: give each slide's own URL.")
    with _asking(url):
        found = _s3().find(f"{url.host}/{url.key}", refresh=True)
    keys = sorted(path.partition("/")[2] for path in found)
    return [SlideUrl(url.scheme, url.host, key) for key in keys]


class _S3:
    def __init__(self, url: SlideUrl) -> None:
        self._url, self._path = url, f"{url.host}/{url.key}"

    def look(self) -> Seen:
        with _asking(self._url):
            info = _s3().info(self._path, refresh=True)
        if info.get("type") != "file":
            raise LabError(f"{self._url} is not there. Check the spelling. {NOTHING}")
        return Seen(int(info["size"]), f"{info.get('ETag')} {info.get('LastModified')}")

    def read(self, start: int) -> tuple[int, Iterator[bytes]]:
        return start, self._parts(start)

    def _parts(self, start: int) -> Iterator[bytes]:
        size = self.look().size
        while start < size:
            with _asking(self._url):
                part = _s3().cat_file(self._path, start=start, end=min(size, start + AT_ONCE))
            if not part:
                return
            start += len(part)
            yield part


def _s3() -> Any:
    import fsspec

    times = {"connect_timeout": CONNECT_S, "read_timeout": READ_S, "retries": {"max_attempts": 1}}
    return fsspec.filesystem("s3", config_kwargs=times, use_listings_cache=False)


@contextmanager
def _asking(url: SlideUrl) -> Iterator[None]:
    """What S3 answers by an error, as a sentence."""
    try:
        yield
    except ImportError as error:
        raise LabError(f"{url} needs the package s3fs beside the program: {error}. {NOTHING}") from error
    except FileNotFoundError as error:
        raise _gone(url) from error
    except PermissionError as error:
        raise _refused(url) from error
    except LabError:
        raise
    except Exception as error:  # of botocore and aiohttp, which share no class
        if "Credentials" in type(error).__name__:
            raise _refused(url) from error
        raise away(url, error) from error


class _Web:
    def __init__(self, url: SlideUrl) -> None:
        self._url = url

    def look(self) -> Seen:
        with self._answer("HEAD", {}) as answer:
            size = answer.headers.get("content-length", "")
            if not size.isascii() or not size.isdigit():
                raise LabError(f"The server of {self._url} does not say how large it is. {NOTHING}")
            versions = [told for told in map(answer.headers.get, ("etag", "last-modified")) if told]
            if not versions:
                raise LabError(
                    f"The server of {self._url} says neither its ETag nor when it was changed, so another slide in "
                    f"its place could not be noticed. {NOTHING}"
                )
            return Seen(int(size), " ".join(versions))

    def read(self, start: int) -> tuple[int, Iterator[bytes]]:
        asked = self._answer("GET", {"Range": f"bytes={start}-"} if start else {})
        answer = asked.__enter__()  # until its last byte was read
        begins = start if answer.status == PARTIAL else 0
        if begins and not answer.headers.get("content-range", "").startswith(f"bytes {start}-"):
            asked.__exit__(None, None, None)
            raise away(self._url, f"asked for bytes from {start} on, it sends others")

        def parts() -> Iterator[bytes]:
            try:
                yield from answer.stream(AT_ONCE, decode_content=False)
            except BaseException as error:
                if not asked.__exit__(type(error), error, error.__traceback__):
                    raise
            else:
                asked.__exit__(None, None, None)

        return begins, parts()

    @contextmanager
    def _answer(self, method: str, headers: dict[str, str]) -> Iterator[BaseHTTPResponse]:
        import urllib3

        url = f"{self._url.scheme}://{self._url.host}/{quote(self._url.key)}"
        times = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
        try:
            with urllib3.PoolManager(ssl_context=_trusted()) as pool:
                answer = pool.request(
                    method, url, headers=headers | {"Accept-Encoding": "identity"}, redirect=False, retries=False,
                    timeout=times, preload_content=False,
                )  # fmt: skip
                with answer:
                    self._check(answer.status)
                    yield answer
        except urllib3.exceptions.HTTPError as error:
            raise away(self._url, error) from error

    def _check(self, status: int) -> None:
        if status in GONE:
            raise _gone(self._url)
        if status in REFUSED:
            raise _refused(self._url)
        if 300 <= status < 400:
            raise LabError(f"The server of {self._url} sends to another address, which is not followed. {NOTHING}")
        if status not in (200, PARTIAL):
            raise away(self._url, f"it answers {status}")


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities this machine trusts; reading them takes longer than to ask for a size."""
    return ssl.create_default_context()


def _gone(url: SlideUrl) -> LabError:
    return LabError(f"{url} is not there. Check the spelling, or put the slide back. {NOTHING}")


def _refused(url: SlideUrl) -> LabError:
    return LabError(f"The server does not let this lab read {url}. Ask whoever runs it for read rights. {NOTHING}")


def away(url: SlideUrl, why: object) -> AwayError:
    """That a server does not answer, as a sentence; why in a few words, or an error."""
    kind = type(why).__name__
    told = why if isinstance(why, str) else WORDS.get(kind, kind)
    return AwayError(f"The server of {url} cannot be reached ({told}). Try again once it can. {NOTHING}")
