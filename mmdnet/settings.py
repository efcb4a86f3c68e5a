"""Every setting of the product in one place; an unknown or misspelt one is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_serializer, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mmdnet.errors import LabError
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX
from mmdnet.slides.slide_url import SlideUrl, url_of

PROJECT_ROOT = Path(__file__).resolve().parent.parent
SLIDES_IN_HOME = ("slides", "uploads", "tile-slides")  # folders of the home with slides' own pixels
COPIES = "copies"  # the one with de-identified copies of slides
EXPERIMENTS = "experiments"  # folder of the home with what experiments on simulated slides drew and found
FETCHED = "backbones"  # folder of the home with the weights that were fetched from the hub
ENGINES = "engines"  # folder of the home with what was measured of engines that compute features
DEMO_MODEL = PROJECT_ROOT / "models" / "demo"  # the small model that comes with the program

MAIL_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
PAGES_WAIT_S = 3.0  # for a slide that is being fetched
MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Settings(BaseSettings):
    """Settings, each from the environment as `MMDNET_<NAME>` or as an argument.

    `home` holds everything the lab makes: databases, runs, models, scores, caches. `slide_roots` are the folders slides
    may be registered from (separated by the system's path separator). None given means every folder the program may
    read for a command, whose user has rights of their own, and for the pages only the home's folder `slides`.
    `slide_urls` (separated by commas) are the URLs below which slides may be fetched from a server; without any, none.
    What was fetched takes `slide_cache_gib` GiB at most. Whoever opens such a slide waits until it is here, or
    `fetch_wait_s` seconds: pages three, while it comes in the background.
    `backup_dir` is where backups are kept (the home's `backups` if not given), `backup_keep` how many automatic ones,
    made every `backup_every_h` hours (0: none). A sign-in ends after `sign_in_idle_min` minutes without a click, and
    `sign_in_hours` hours after it began. `proxy_header` is the header in which a web server in front names who signed
    in there, "" where none does; `tls_in_front` says that such a server speaks TLS.

    When a job has ended, `notify_url` is told by POST, and the addresses `mail_to` (separated by commas) by mail from
    `mail_from` through `mail_server` (HOST or HOST:PORT), whose TLS is `starttls`, `tls` or, on this machine, `none`.
    """

    model_config = SettingsConfigDict(env_prefix="MMDNET_", extra="forbid", frozen=True)

    home: Path = Path("lab-data")
    database_url: str = ""
    jobs_url: str = ""
    slide_roots: Annotated[tuple[Path, ...], NoDecode] = ()
    slide_urls: Annotated[tuple[SlideUrl, ...], NoDecode] = ()
    slide_cache_gib: float = Field(default=50.0, gt=0)
    fetch_wait_s: float | None = Field(default=None, ge=0)
    backup_dir: Path | None = None
    backup_keep: int = Field(default=7, ge=1)
    backup_every_h: float = Field(default=24.0, ge=0)
    proxy_header: str = ""
    tls_in_front: bool = False
    sign_in_idle_min: float = Field(default=30.0, gt=0)
    sign_in_hours: float = Field(default=12.0, gt=0)
    notify_url: str = Field(default="", repr=False)
    mail_to: Annotated[tuple[str, ...], NoDecode] = ()
    mail_from: str = ""
    mail_server: str = ""
    mail_user: str = ""
    mail_password: str = Field(default="", repr=False)
    mail_tls: Literal["starttls", "tls", "none"] = "starttls"
    cache_gib: float = Field(default=20.0, gt=0)
    patch_px: int = Field(default=PATCH_PX, ge=64, le=1024)
    patch_mpp: float = Field(default=PATCH_MPP, ge=0.1, le=2.0)

    @field_validator("slide_roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        import os

        return tuple(Path(p) for p in value.split(os.pathsep) if p) if isinstance(value, str) else value

    @field_validator("slide_urls", mode="before")
    @classmethod
    def _read_urls(cls, value: object) -> object:
        parts = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        return tuple(map(_slide_root, parts)) if isinstance(parts, list | tuple) else value

    @field_serializer("slide_urls")
    def _write_urls(self, value: tuple[SlideUrl, ...]) -> list[str]:
        """As they are read: a job's process is told its settings as JSON."""
        return [str(url) for url in value]

    @field_validator("mail_to", mode="before")
    @classmethod
    def _split_addresses(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("mail_to", "mail_from")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...] | str) -> tuple[str, ...] | str:
        for address in (value,) if isinstance(value, str) else value:
            if address and not MAIL_ADDRESS.fullmatch(address):
                raise ValueError("it is no mail address")
        return value

    @field_validator("notify_url")
    @classmethod
    def _is_private(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if value and not (host and (parts.scheme == "https" or (parts.scheme == "http" and is_here(host)))):
            raise ValueError("it must be an address of https, or of http on this machine (127.0.0.1)")
        return value

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Settings:
        if self.mail_to and not (self.mail_from and self.mail_server):
            raise ValueError("whoever is to get mail (mail_to) needs a mail_from and a mail_server")
        if self.mail_server and not is_here(self.mail_place[0]) and self.mail_tls == "none":
            raise ValueError("mail to another machine goes by TLS: mail_tls is starttls or tls")
        return self

    @property
    def mail_place(self) -> tuple[str, int]:
        """Host and port of the mail server.

        Raises:
            ValueError: the setting names none.
        """
        try:
            parts = urlsplit(f"//{self.mail_server}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or parts.path or parts.username:
            raise ValueError("mail_server is HOST or HOST:PORT")
        return host, port or MAIL_PORTS[self.mail_tls]

    @property
    def lab_url(self) -> str:
        """SQLAlchemy URL of the lab's own database."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'lab.sqlite'}"

    @property
    def queue_url(self) -> str:
        """URL of the job queue's database; by default the same PostgreSQL, or a file of its own in the home: in one
        file of SQLite with the lab, each would wait for the other's writes."""
        if self.jobs_url or self.database_url.startswith("postgres"):
            return self.jobs_url or self.database_url
        return f"sqlite:///{self.home.resolve() / 'jobs.sqlite'}"

    def for_pages(self) -> Settings:
        """The same for whoever comes by a browser: slides come from named folders, or from the lab's own."""
        roots = self.slide_roots or (self.home / "slides",)
        return self.model_copy(update={"slide_roots": roots, "fetch_wait_s": PAGES_WAIT_S})

    @property
    def backup_folder(self) -> Path:
        """Where backups are kept."""
        return (self.backup_dir or self.home / "backups").expanduser().resolve()

    @property
    def fetched_backbones(self) -> Path:
        """Where weights that were fetched from the hub lie; not there before the first."""
        return self.home.resolve() / FETCHED

    def folder(self, name: str) -> Path:
        """A folder of the home, made when first asked for."""
        path = self.home.resolve() / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def _slide_root(written: object) -> SlideUrl:
    """A URL that slides may be fetched from, as whoever runs the lab writes it.

    Raises:
        ValueError: it is none, or would send slides over a network in the clear.
    """
    url = written if isinstance(written, SlideUrl) else url_of(str(written))
    if url is None:
        raise ValueError(f"{written} is no URL that slides are fetched from: s3://BUCKET/PREFIX or https://HOST/FOLDER")
    if url.scheme == "http" and not is_here(url.host.partition(":")[0]):
        raise ValueError(f"{written} would come in the clear: use https, or http on this machine (127.0.0.1) alone")
    return url


def is_here(host: str) -> bool:
    """Whether it names this machine: what goes there crosses no network."""
    return host in ("127.0.0.1", "::1", "localhost")


def keep_private(settings: Settings) -> None:
    """Let nobody but the lab's user into its home: slides, grades and keys lie there.

    Where this user may not say so (another owns the folder), it stays as it is.
    """
    import contextlib

    home = settings.home.resolve()
    if home.is_dir():
        for path, mode in ((home, 0o700), *((home / name, 0o600) for name in ("lab.sqlite", "jobs.sqlite"))):
            with contextlib.suppress(OSError):
                path.chmod(mode)


def load_settings(**given: object) -> Settings:
    """Settings from the environment, overridden by what is given.

    Raises:
        LabError: a setting is unknown or out of range.
    """
    import os

    known = {f"MMDNET_{name.upper()}" for name in Settings.model_fields} | {"MMDNET_REAL_DATA"}
    unknown = sorted(name for name in os.environ if name.startswith("MMDNET_") and name.upper() not in known)
    if unknown:
        raise LabError(f"There is no setting called {', '.join(unknown)}. Known are {', '.join(sorted(known))}.")
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        named = ".".join(map(str, first["loc"]))
        wrong = first["msg"].removeprefix("Value error, ")
        raise LabError(f"The setting{f' {named}' if named else 's'} cannot be used: {wrong}.") from None
