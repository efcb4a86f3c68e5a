"""Slides that lie on a server, by their address: what one may look like, and whether it lies below an allowed one.

An address is written as people read it: a space is a space, and `%`, `?`, `#`, `\\` and `..` have no meaning in it and
are refused, so that two spellings never name one object, and none leads out of where it seems to lie.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SCHEMES = ("s3", "https", "http")
LONGEST_KEY, LONGEST_NAME = 1024, 255  # bytes: of S3, and of a file's name, which the last part becomes
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")
_HOST = {
    "s3": re.compile(r"[a-z0-9][a-z0-9._-]{1,62}"),
    "https": re.compile(r"[a-z0-9][a-z0-9.-]{0,252}(:[0-9]{1,5})?"),
    "http": re.compile(r"[a-z0-9][a-z0-9.-]{0,252}(:[0-9]{1,5})?"),
}
_ODD = re.compile(r"[%?#\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SlideUrl:
    """Where an object lies: `host` is S3's bucket or a web server with its port, `key` the way to the object there.

    A `key` that is empty or ends with `/` names all that lies below it.
    """

    scheme: str
    host: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}/{self.key}"

    @property
    def name(self) -> str:
        """The last part, as a file's name."""
        return self.key.rstrip("/").rpartition("/")[2] or self.host

    @property
    def is_folder(self) -> bool:
        return not self.key or self.key.endswith("/")

    def lies_in(self, root: SlideUrl) -> bool:
        """Whether it is the root, or below it: part by part, so that `slides-2` does not lie in `slides`."""
        if (self.scheme, self.host) != (root.scheme, root.host):
            return False
        below = root.key.rstrip("/")
        return not below or self.key == below or self.key.startswith(f"{below}/")


def is_url(text: str) -> bool:
    """Whether it is written as an address of a server, of whatever kind."""
    return _URL.match(text) is not None


def url_of(text: str) -> SlideUrl | None:
    """The address that is written there; None where it is none that slides are fetched from."""
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    host, _, key = rest.partition("/")
    host = host.lower()
    if scheme not in SCHEMES or not _HOST[scheme].fullmatch(host) or ".." in host:
        return None
    parts = key.removesuffix("/").split("/") if key else []
    if _ODD.search(key) or any(_leads_elsewhere(part) for part in parts):
        return None
    if len(key.encode()) > LONGEST_KEY or any(len(part.encode()) > LONGEST_NAME for part in parts):
        return None
    return SlideUrl(scheme, host, key)


def _leads_elsewhere(part: str) -> bool:
    """Whether a part may mean its own folder or the one above to some server: `..`, also as `.. ` or `..;x`."""
    return not part.partition(";")[0].strip(". ")
