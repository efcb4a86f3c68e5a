"""Whether a report's document is what the lab keeps and what was signed: hashes, signatures, score, made again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from mmdnet.errors import LabError
from mmdnet.labels.grading import NAS, task
from mmdnet.reports.schema import Report, SignOff, canonical_json, report_sha256
from mmdnet.reports.typeset import moment
from mmdnet.reports.words import percent
from mmdnet.words import count

if TYPE_CHECKING:
    from mmdnet.scoring.again import Apart

LARGEST_BYTES = 64 * 2**20  # a report of ten thousand patches has less than one


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was to be checked: whether it is right, None where it could not be told, and in a sentence."""

    right: bool | None
    words: str


def read_report(document: bytes) -> Report:
    """A report out of the JSON it was written as.

    Raises:
        LabError: it is none, or of a newer version of the program.
    """
    if len(document) > LARGEST_BYTES:
        raise LabError("This file is too large for a report's JSON. Nothing was verified.")
    try:
        return Report.model_validate_json(document)
    except ValidationError as problem:
        raise LabError(
            f"This file is no report as JSON that this version of the program can read: {_wrong_in(problem)}. "
            "Choose the JSON of a report. Nothing was verified."
        ) from problem


def _wrong_in(problem: ValidationError) -> str:
    """What keeps a file from being a report, without the words of the program's own parts."""
    first = problem.errors()[0]
    if first["type"] == "json_invalid":
        return "it is not JSON"
    where = ".".join(map(str, first["loc"]))
    if not where:
        return "it is JSON of something else"
    return f"{where} is missing" if first["type"] == "missing" else f"{where} is not what a report has there"


def verify(given: Report, kept: Report, weights_sha256: str | None) -> tuple[Finding, ...]:
    """What is right of a document, and what is not.

    Args:
        given: the document.
        kept: the report of the same score as the lab makes it now.
        weights_sha256: of the model's file as it is now; None where that is gone.

    Raises:
        LabError: they are reports of two scores.
    """
    number, wanted = given.provenance.score_id, kept.provenance.score_id
    if number != wanted:
        raise LabError(f"This document is the report of score {number}, and not of {wanted}. Nothing was verified.")
    content = report_sha256(given)
    found = [
        _content(given, kept),
        *_readers(given, kept),
        *(_signature(signed, kept, content) for signed in given.sign_off.signed),
    ]
    if later := len(kept.sign_off.signed) - len(given.sign_off.signed):
        what = f"{count(abs(later), 'signature')} that the {'lab keeps' if later > 0 else 'document has'}"
        found.append(Finding(later > 0, f"{what} and the {'document' if later > 0 else 'lab'} has not."))
    return (*found, _weights(given.provenance.weights_sha256, weights_sha256))


def _content(given: Report, kept: Report) -> Finding:
    content = report_sha256(given)
    if content == report_sha256(kept):
        return Finding(True, f"The content is the lab's own: SHA-256 {content}.")
    blocks, ours = (_blocks(report) for report in (given, kept))
    differ = [name for name in dict.fromkeys((*blocks, *ours)) if blocks.get(name) != ours.get(name)]
    return Finding(
        False, f"The content is not what the lab makes of this score now; it differs in {', '.join(differ)}."
    )


def _readers(given: Report, kept: Report) -> list[Finding]:
    """Readers' grades, which no hash covers: each has to be one that the lab keeps."""
    ours = {feature.task: feature.human for feature in kept.features}
    others = [
        f"{feature.title.lower()} by {human.reader}"
        for feature in given.features
        for human in feature.human
        if human not in ours.get(feature.task, ())
    ]
    if not others:
        return []
    said = f"Of the readers' grades in the document the lab does not keep these: {', '.join(others)}."
    return [Finding(False, f"{said} They were given anew since, or altered; they are no part of what is signed.")]


def _blocks(report: Report) -> dict[str, object]:
    return json.loads(canonical_json(report, content_only=True))


def _signature(signed: SignOff, kept: Report, content_sha256: str) -> Finding:
    who = f"signature {signed.sign_off_id} of {signed.reader}, {moment(signed.at)},"
    if signed not in kept.sign_off.signed:
        return Finding(False, f"The {who} is not one the lab keeps.")
    if signed.content_sha256 != content_sha256:
        return Finding(False, f"The {who} is of another content than this document's.")
    return Finding(True, f"The {who} is kept by the lab and is of this very content.")


def _weights(named: str, now: str | None) -> Finding:
    if now is None:
        return Finding(False, "The model's weights are gone from the lab, so the score cannot be made again.")
    if now != named:
        return Finding(False, "The model's weights are other ones than those that scored: their SHA-256 differs.")
    return Finding(True, "The model's weights are those that scored: their SHA-256 is the same.")


def not_made_again(why: str) -> Finding:
    """That it could not be told whether the score comes out as it is kept."""
    return Finding(None, f"The score was not made again. {why}")


def score_finding(apart: Apart, made_on: str) -> Finding:
    """Whether a score that was made again from its slide, on the device it was made on, is the one that is kept."""
    again = f"The score was made again from the slide ({made_on})"
    by = "is equal" if apart.furthest == 0 else f"differs by {percent(apart.furthest)} at most"
    said = f"what the network says of patches and fields {by}"
    if not apart.network_alike:
        return Finding(False, f"{again} and is another one: {said}.")
    if not apart.calibrated:
        return Finding(None, f"{again}: {said}. It is read by another calibration since, so grades were not compared.")
    if apart.grades:  # which, and not what: they may be withheld
        others = ", ".join("NAS" if name == NAS else task(name).title.lower() for name in apart.grades)
        return Finding(False, f"{again}: {said}, but other grades came of it: {others}.")
    return Finding(True, f"{again}: the same grades, and {said}.")
