"""Why a patch is not used, in words: the one wording of pages, reports and files."""

from collections.abc import Mapping

# Reports are signed with these words in them: another wording makes a signed report another document.
REASONS: Mapping[str, str] = {
    "pen": "pen mark",
    "blur": "out of focus",
    "blank": "mostly glass",
    "fold": "tissue fold",
    "bubble": "air bubble",
    "edge": "edge of the tissue",
    "unreadable": "could not be read",
    "region": "left out by hand",
}


def set_aside_reason(reason: str | None) -> str:
    """The words for the reason a patch carries; a reason that has none as it is."""
    return REASONS.get(reason or "", reason or "")
