"""When two written names mean the same: of patients, sites and staining runs. The written form is kept for display."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache


@lru_cache(maxsize=65_536)
def identity_key(written: str | None) -> str:
    """What all ways to write one id have in common; "" for no id.

    Case, spaces, leading zeros of a number, invisible characters and Unicode forms (NFKC) make no difference: "P01",
    " p 1" and "Ｐ１" are one. A space between two digits parts two numbers and stays: "1 10" is not "110".
    """
    key, before = _folded(written or ""), None
    while key != before:  # a space that goes may leave letters that make one, so until nothing changes any more
        key, before = _folded(key), key
    return key


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(
        str(digit) if (digit := unicodedata.decimal(c, None)) is not None else c
        for c in text
        if unicodedata.category(c) not in ("Cf", "Cc") or c.isspace()
    )
    text = re.sub(r"(?<![0-9])\s+|\s+(?![0-9])", "", " ".join(text.split()))
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", text)


def sites_of_patients(slides: Iterable[tuple[str | None, str | None]]) -> dict[str, tuple[str, ...]]:
    """Of (patient, site) of each slide: the ids that more than one site uses, with the sites as first written."""
    used: dict[str, dict[str, str]] = defaultdict(dict)
    for patient, site in slides:
        if identity_key(patient) and identity_key(site):
            used[identity_key(patient)].setdefault(identity_key(site), " ".join((site or "").split()))
    return {patient: tuple(sites.values()) for patient, sites in sorted(used.items()) if len(sites) > 1}


def person(patient: str | None, site: str | None, answers: Mapping[str, bool]) -> str:
    """Whom a slide is of: an id that stands for one person everywhere in a project; "" where no patient is stated.

    Args:
        answers: of ids that several sites use, whether they are one person. Unanswered ones count as one, so that at
            least nobody is on two sides of a split.
    """
    key = identity_key(patient)
    return f"{key} at {identity_key(site)}" if key and not answers.get(key, True) else key
