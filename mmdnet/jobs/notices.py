"""Telling people that a job has ended: by a webhook and by mail, as the lab's settings say.

What is sent holds numbers, the kind of job and times; no name of a slide, a patient or a person. It is sent in a thread
of its own with bounded tries, so that no job waits for it; a worker that is killed meanwhile sends it no more.
"""

from __future__ import annotations

import json
import smtplib
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from http.client import HTTPException
from queue import Full, Queue
from urllib.parse import urlsplit

from mmdnet.settings import Settings, is_here

TIMEOUT_S = 10.0
PAUSES_S = (2.0, 10.0)  # before the second and the third try
WAITING = 1000  # notices at most; more are let go with a line in the worker's log
AGAIN = (408, 425, 429)  # answers below 500 after which another try may go better


@dataclass(frozen=True, slots=True)
class Notice:
    """That a job has ended. `status` is done, failed, or cancelled because the job it waited for did not succeed."""

    job: str
    kind: str
    status: str
    project_id: int | None
    queued_at: datetime
    ended_at: datetime | None

    def body(self) -> dict[str, str | int | None]:
        """What a webhook is sent, as JSON: `docs/guide.md` lists it."""
        return {
            "event": "job.ended",
            "job": self.job,
            "kind": self.kind,
            "status": self.status,
            "project": self.project_id,
            "queued_at": self.queued_at.isoformat(timespec="seconds"),
            "ended_at": self.ended_at.isoformat(timespec="seconds") if self.ended_at else None,
        }


class NotSent(Exception):
    """It could not be sent; `again` where another try may go better."""

    def __init__(self, why: str, again: bool = True) -> None:
        super().__init__(why)
        self.again = again


Send = Callable[[Settings, Notice], None]


def channels(settings: Settings) -> dict[str, Send]:
    """How this lab tells people, by name; empty where it does not."""
    sends: dict[str, Send] = {"webhook": post} if settings.notify_url else {}
    return sends | ({"mail": mail} if settings.mail_to else {})


def trial() -> Notice:
    """What a trial sends: of no job."""
    now = datetime.now(UTC)
    return Notice("test", "test", "done", None, now, now)


def send(settings: Settings, notice: Notice, pauses_s: tuple[float, ...] = PAUSES_S) -> dict[str, str | None]:
    """Send by every channel, each with so many tries more as there are pauses: by channel why not, None where sent."""
    said: dict[str, str | None] = {}
    for name, act in channels(settings).items():
        for pause_s in (*pauses_s, None):
            try:
                act(settings, notice)
                said[name] = None
                break
            except NotSent as problem:
                said[name] = str(problem)
                if not problem.again or pause_s is None:
                    break
                time.sleep(pause_s)
    return said


def post(settings: Settings, notice: Notice) -> None:
    """POST the notice to the lab's webhook. A redirection is not followed: it could lead out of https.

    Goes through the machine's web proxy (`https_proxy`, `no_proxy`), which sees the host's name and no more: TLS goes
    on to the host. What goes to this machine goes there straight, since it is not encrypted.

    Raises:
        NotSent: it was not taken.
    """
    request = urllib.request.Request(
        settings.notify_url,
        data=json.dumps(notice.body()).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "mmdnet-lab"},
    )
    straight = [urllib.request.ProxyHandler({})] if is_here(urlsplit(settings.notify_url).hostname or "") else []
    try:
        with urllib.request.build_opener(_NoRedirection, *straight).open(request, timeout=TIMEOUT_S) as answer:
            answer.read(1)
    except urllib.error.HTTPError as refused:
        raise NotSent(f"It answered {refused.code}.", refused.code >= 500 or refused.code in AGAIN) from None
    except (OSError, HTTPException, ValueError) as error:  # the address may hold a secret: it is not told
        raise NotSent(f"It could not be reached ({type(getattr(error, 'reason', error)).__name__}).") from None


def mail(settings: Settings, notice: Notice) -> None:
    """Mail the notice to the lab's addresses.

    Raises:
        NotSent: the server did not take it.
    """
    message = EmailMessage()
    message["Subject"] = f"MMD-Net lab: a job is {notice.status} ({notice.kind})"
    message["From"], message["To"] = settings.mail_from, ", ".join(settings.mail_to)
    message.set_content("\n".join(f"{name}: {value}" for name, value in notice.body().items()) + "\n")
    host, port = settings.mail_place
    try:
        with _mail_server(settings, host, port) as server:
            if settings.mail_user:
                server.login(settings.mail_user, settings.mail_password)
            server.send_message(message)
    except smtplib.SMTPResponseException as refused:
        raise NotSent(f"The mail server answered {refused.smtp_code}.", 400 <= refused.smtp_code < 500) from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise NotSent(f"The mail server did not take it ({type(error).__name__}).") from None


def _mail_server(settings: Settings, host: str, port: int) -> smtplib.SMTP:
    if settings.mail_tls == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    if settings.mail_tls == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except Exception:
            server.close()
            raise
    return server


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **named: object) -> None:
        """None: the answer is an error like any other."""


def sender(settings: Settings) -> Callable[[Notice], None] | None:
    """Takes notices and sends them in a thread of its own; None where the lab tells nobody."""
    if not channels(settings):
        return None
    waiting: Queue[Notice] = Queue(WAITING)

    def go_on() -> None:
        while True:
            notice = waiting.get()
            for channel, problem in send(settings, notice).items():
                if problem:
                    print(f"No {channel} told of job {notice.job}: {problem}", file=sys.stderr, flush=True)

    def take(notice: Notice) -> None:
        try:
            waiting.put_nowait(notice)
        except Full:
            print(f"Too much waits to be sent; nobody is told of job {notice.job}.", file=sys.stderr, flush=True)

    threading.Thread(target=go_on, name="notices", daemon=True).start()
    return take
