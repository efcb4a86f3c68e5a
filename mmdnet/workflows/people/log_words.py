"""What an event of the log of access says in plain words; the log itself keeps the names of the program's use cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdnet.accounts.rules import DELETED, SHOWN, TAKEN_OUT, VIEWED
from mmdnet.workflows.people.views import AccessView

VERBS = {VIEWED: "looked at", TAKEN_OUT: "took out", DELETED: "deleted", SHOWN: "was shown"}
THINGS = {  # of each use case that is logged
    "projects.delete": "the project",
    "projects.remove": "the project",
    "slides.get": "a slide",
    "slides.copies.submit": "a de-identified copy",
    "slides.glass_pictures.get": "a picture of the glass, which may name the patient",
    "slides.pictures.zoom_tile": "a slide",
    "slides.remove": "a slide",
    "slides.tables.export": "the table of slides",
    "labels.files.export": "labels",
    "qupath.export": "regions for QuPath",
    "project_reports.file": "all reports",
    "reports.build": "a report",
    "reports.open": "a report",
    "reports.file": "a report",
    "reports.patch_maps": "a report's maps of its patches",
}
FORMER_THINGS = {f"reports.{kind.lower()}": f"a report as {kind}" for kind in ("CSV", "GeoJSON", "HTML", "JSON", "PDF")}
"""Of use cases of earlier builds, which stand in logs."""
WORDS = {  # of what is said beside an act, before its value
    "kind": "as", "name": "", "proof": "by",
    "slide_id": "slide", "patch_id": "patch", "score_id": "score", "session_id": "label session", "run_id": "training",
    "job_id": "job", "model_id": "model", "augmentation_id": "batch", "synthetic_id": "synthetic patch",
}  # fmt: skip
UNSAID = {"by", "what"}  # who ran a command stands where an account would


def did_in_words(event: AccessView, accounts: Mapping[int, str] | None = None) -> str:
    """ "took out a report as PDF: score 3", "sign in: by password", "add account: Ada".

    Args:
        accounts: names by id, said in the place of their numbers.
    """
    thing = (FORMER_THINGS | THINGS).get(str(event.said.get("what", "")), "")
    act = f"{VERBS.get(event.act, event.act)} {thing}".strip() if thing else VERBS.get(event.act, event.act)
    details = _details(event.said, accounts or {})
    return f"{act}: {details}" if details else act


def _details(said: Mapping[str, Any], accounts: Mapping[int, str]) -> str:
    parts = []
    for name, value in said.items():
        if name in UNSAID or value is None or value == "":
            continue
        if name == "account" and value in accounts:
            parts.append(accounts[value])
            continue
        words = WORDS.get(name, name.replace("_", " "))
        parts.append(f"{words} {value}".strip())
    return ", ".join(parts)
