"""[routes] Every own route by every role, token and place, with path tricks and odd numbers."""

import logging
import random
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.result import Result
from tests.role_lab import RoleLab

LEAST = 3_000


def run(quick: bool = False) -> Result:
    """`value` is how many requests were let in that must not be, or answered 500. Quick: a seeded draw of 3,000."""
    logging.getLogger("mmdnet.routes").setLevel(logging.CRITICAL)  # each refusal is logged: here they are the rule
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        asked = RoleLab(Path(folder))
        cases = asked.cases()
        random.Random(7).shuffle(cases)
        answers = [asked.ask(case) for case in (cases[:LEAST] if quick else cases)]
        wrong = [answer for answer in answers if answer.wrong]
        missing, intact = asked.never_asked(), asked.lab.labels.record.verify().intact
    beside = {
        "reach": 0,
        "reach_is": "most",
        "requests": len(answers),
        "statuses": {str(status): number for status, number in sorted(Counter(a.status for a in answers).items())},
        "let_in": sum(answer.let_in for answer in answers),
        "routes_never_asked": missing,
        "first_wrong": [f"{a.case.role} {a.case.token} {a.case.place} {a.case.asked} {a.status}" for a in wrong[:5]],
        "record_intact": intact,
    }
    return Result("routes", len(wrong) + len(missing) + (not intact), "wrongly answered", beside, len(answers))
