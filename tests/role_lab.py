"""Every route of ours, asked by every role, with every kind of token, from here and from elsewhere.

Let in is only who may: a token of this lab, in time, of a sign-in that lives, whose role allows it, of the right project
and the reader's own session, from our own page. Everything else is refused with a sentence, and nothing answers 500.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Match, Route
from starlette.testclient import TestClient

from mmdnet.accounts import passwords
from mmdnet.accounts.roles import Person, Role
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.workflows.labelling.views import QueueChoice
from tests.label_bench import make_label_bench
from ui.label.bulk_routes import bulk_routes
from ui.label.routes import label_routes
from ui.shell.access import lab_secret
from ui.shell.routes import middleware, routes
from ui.shell.sign_in import sign_in_routes
from ui.shell.tokens import Grant, mint
from ui.slides.zoom_routes import LIBRARY_AT, zoom_routes

NO_FILE = "There is no file or folder"  # let through: the bench's slides have no files
PASSWORD = "correct horse battery"
GRADES = {Role.READER, Role.ADJUDICATOR, Role.LEAD}
TOKENS = ("none", "noise", "forged", "expired", "of no sign-in", "of an ended sign-in", "of another project",
          "of another's session", "remembering", "viewing", "labelling")  # fmt: skip
PLACES = ({}, {"origin": "http://127.0.0.1:8501"}, {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"},
          {"host": "evil.example"}, {"origin": "http://127.0.0.1:8502"}, {"origin": "null"})  # fmt: skip
FROM_HERE = 2  # so many of the places are our own pages
LARGE = ("9" * 25, "0" * 5000 + "1", "9223372036854775808", "18446744073709551616")
NUMBERS = (*LARGE, "-1", "NaN", "inf", "1e3", "0x1", "1.0", "%F0%9D%9F%99", "%C2%B2", "%00", "1%0a", "%D9%A1")
TRICKS = ("..", "../../..", "%2e%2e", "%2e%2e%2f%2e%2e%2flab.sqlite", "..%5c..%5csecret.key", "%2fetc%2fpasswd",
          "....//....//etc/shadow", "%252e%252e%252fsecret.key", "file:%2f%2f%2fetc%2fpasswd", "a" * 3000, "%ff%fe")  # fmt: skip
ODD_ACTS: tuple[Any, ...] = (
    [], [[]], [{}], [{"patch_id": 2**70}], [{"act": "undo", "key": ["a"]}], [{"act": "grade", "key": "k" * 9999}],
    [{"act": "grade", "key": "press-0", "patch_id": 1, "grades": {"steatosis": 2**70}}],
    [{"act": "grade", "key": "press-0", "patch_id": 1, "grades": {"steatosis": True}}],
    [{"act": "grade", "key": "press-0", "patch_id": 1, "shown": {"a": [[[[{}]]]]}, "took_ms": -1}], {}, None, "acts", 7,
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request, and what it takes: to `see`, to `label`; nothing (`open`); or nobody may, for it makes no sense."""

    method: str
    address: str
    body: Any = None
    takes: str = "odd"


@dataclass(frozen=True)
class Case:
    """A request by a role, with a token of a kind, from a place."""

    role: Role
    token: str
    place: int
    asked: Asked

    @property
    def allowed(self) -> bool:
        if self.asked.takes == "open":
            return True
        sees = self.token in ("viewing", "labelling", "of another's session")
        grades = self.token == "labelling" and self.role in GRADES
        return self.place < FROM_HERE and {"see": sees, "label": grades, "odd": False}[self.asked.takes]


@dataclass(frozen=True)
class Answer:
    """What a request came to."""

    case: Case
    status: int
    let_in: bool
    said: str

    @property
    def wrong(self) -> bool:
        """Let in whom it must not, kept out whom it must let in to label, or broken."""
        case, health = self.case, self.case.asked.address == "/healthz"
        kept_out = case.asked.takes == "label" and case.allowed and not self.let_in
        return (self.status >= 500 and not health) or (self.let_in and not case.allowed) or kept_out


class RoleLab:
    """A lab with one account of each role, and a client of all its own routes behind the door, the wall and the guard."""

    def __init__(self, home: Path) -> None:
        self.bench = make_label_bench(home)
        self.lab = open_lab(Settings(home=home))
        own, self._others = self.bench.session(0).id, self.bench.session(1, name="Second").id
        self._people: dict[Role, tuple[Person, int]] = {}
        kept, passwords._hasher = passwords._hasher, _quick_hasher()
        try:
            self._sign_in_all(own)
        finally:
            passwords._hasher = kept
        get = lambda: self.lab  # noqa: E731
        self.routes = [*routes(get), *label_routes(get), *bulk_routes(get), *zoom_routes(get), *sign_in_routes(get)]
        app = Starlette(routes=self.routes, middleware=middleware(get, hosts=["127.0.0.1"]))
        self._client = TestClient(
            app, base_url="http://127.0.0.1:8501", raise_server_exceptions=False, follow_redirects=False
        )

    def _sign_in_all(self, session_of_ada: int) -> None:
        accounts, bench = self.lab.accounts, self.bench
        admin = accounts.add("Root", PASSWORD)
        accounts.grant(admin.id, Role.ADMIN)
        for role in Role:
            account = accounts.add(f"the {role}", PASSWORD, reader="Ada" if role is Role.READER else None)
            accounts.grant(account.id, role, bench.project)
            person = accounts.person(accounts.sign_in(f"the {role}", PASSWORD))
            session = session_of_ada
            if person.reader_id not in (None, bench.readers[0]):
                choice = QueueChoice(bench.slides, 2)
                session = bench.labels.sessions.create(bench.project, person.reader_id, "Own", choice).id
            self._people[role] = (person, session)
        gone = accounts.person(accounts.sign_in("Root", PASSWORD))
        accounts.end(gone.sign_in_id)
        self._ended = gone.sign_in_id

    def cases(self) -> list[Case]:
        """Every request of every role, with every kind of token, from every place."""
        every = itertools.product(Role, TOKENS, range(len(PLACES)), self.requests())
        return [Case(*each) for each in every]

    def requests(self) -> Iterator[Asked]:
        """Requests of every route: as a page sends them, with odd numbers, and with tricks in the path."""
        slide, patch = self.bench.slides[0], self.bench.patches[self.bench.slides[0]][0]
        act = {"key": "press-00000001", "act": "grade", "patch_id": patch, "grades": {"steatosis": 1}}
        many = {"patches": [patch], "grades": {"steatosis": 1}, "key": "bulk-00000001"}
        for address in (f"/api/patch/{patch}.jpg", f"/api/slide/{slide}.jpg", f"/api/zoom/tissue/{slide}.png",
                        f"/api/zoom/picture/{slide}.jpg",
                        f"/api/zoom/slide/{slide}/0/0_0.jpg", "/api/zoom/heat/1/steatosis.png"):  # fmt: skip
            yield Asked("GET", address, takes="see")
        for address in ("/api/label/queue", "/api/label/progress", "/api/label/atlas", "/api/label/order",
                        "/api/label/atlas/steatosis/2/0.jpg", "/api/bulk/patches"):  # fmt: skip
            yield Asked("GET", address, takes="label")
        yield Asked("POST", "/api/label/acts", {"acts": [act]}, "label")
        yield Asked("POST", "/api/label/keys", {"keys": {}}, "label")
        yield Asked("POST", "/api/bulk/give", many, "label")
        yield Asked("POST", "/api/bulk/undo", {"key": "undo-00000001", "undoes": "nothing"})
        yield Asked("POST", "/sign-in", "name=the%20admin&password=guess")
        for address in ("/healthz", "/sign-in", f"{LIBRARY_AT}/openseadragon.min.js"):
            yield Asked("GET", address, takes="open")
        for number in NUMBERS:
            yield Asked("GET", f"/api/patch/{number}.jpg")
            yield Asked("GET", f"/api/zoom/slide/{slide}/{number}/{number}_0.jpg")
            yield Asked("GET", f"/api/label/queue?offset={number}")
            yield Asked("GET", f"/api/label/atlas/steatosis/{number}/{number}.jpg")
        for trick in TRICKS:
            yield Asked("GET", f"{LIBRARY_AT}/{trick}")
            yield Asked("GET", f"/api/slide/{trick}.jpg")
            yield Asked("GET", f"/api/zoom/heat/1/{trick}.png")
        for acts in ODD_ACTS:
            yield Asked("POST", "/api/label/acts", {"acts": acts})
            yield Asked("POST", "/api/bulk/give", many | {"patches": acts, "key": "bulk-odd"})
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            yield Asked(method, f"/api/patch/{patch}.jpg")
            yield Asked(method, "/api/label/acts", {"acts": [act]})

    def ask(self, case: Case) -> Answer:
        """Send one request and judge what came back."""
        asked, headers = case.asked, self._token(case) | PLACES[case.place]
        body = self._own(case)
        sent = {"content": body} if isinstance(body, str) else {"json": body}
        answer = self._client.request(asked.method, asked.address, headers=headers, **sent)
        let_in = (answer.status_code == 200 and not _all_refused(answer)) or NO_FILE in answer.text
        return Answer(case, answer.status_code, let_in, answer.text[:120])

    def never_asked(self) -> list[str]:
        """Routes that none of the requests reaches."""
        reached = set()
        for asked in self.requests():
            scope = {"type": "http", "method": asked.method, "path": asked.address.partition("?")[0]}
            reached |= {route.path for route in self.routes if route.matches(scope)[0] is Match.FULL}
        return [route.path for route in self.routes if isinstance(route, Route) and route.path not in reached]

    def _own(self, case: Case) -> Any:
        """The body, where it must be taken with a patch that is asked for and a key of the reader's own."""
        body = case.asked.body
        if case.asked.takes != "label" or not isinstance(body, dict):
            return body
        if "acts" in body:
            item = self.bench.labels.sessions.queue(self._people[case.role][1])[0]
            return {"acts": [body["acts"][0] | {"patch_id": item.patch_id, "key": f"press-{case.role}-0001"}]}
        return body | {"key": f"bulk-{case.role}-000001"} if "key" in body else body

    def _token(self, case: Case) -> dict[str, str]:
        (person, session), bench = self._people[case.role], self.bench
        project, reader, signed = bench.project, person.reader_id, {"sign_in_id": person.sign_in_id}
        label = Grant("label", project, reader, session, **signed)
        if case.token in ("none", "noise"):
            return {} if case.token == "none" else {"x-lab-token": "a.b.c"}
        grant = {
            "of no sign-in": Grant("label", project, reader, session),
            "of an ended sign-in": Grant("label", project, reader, session, sign_in_id=self._ended),
            "of another project": Grant("view", project + 1, **signed),
            "of another's session": Grant("label", project, bench.readers[1], self._others, **signed),
            "remembering": Grant("remember", project, reader, session, **signed),
            "viewing": Grant("view", project, **signed),
        }.get(case.token, label)
        secret = b"guess" * 7 if case.token == "forged" else lab_secret(self.lab)
        return {"x-lab-token": mint(secret, grant, now=time.time() - 7200 if case.token == "expired" else None)}


def _all_refused(answer: Any) -> bool:
    """Whether every act of a batch was refused, each for itself."""
    if "json" not in answer.headers.get("content-type", ""):
        return False
    told = answer.json()
    results = told.get("results") if isinstance(told, dict) else None
    return bool(results) and not any(each["saved"] for each in results)


def _quick_hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher(1, 8, 1)
