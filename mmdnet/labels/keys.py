"""Keys of the labelling canvas: which act has which key until a reader chooses another, and which may be chosen."""

from __future__ import annotations

from collections.abc import Mapping

from mmdnet.errors import LabError

ACTS: dict[str, tuple[str, str]] = {
    "unknown": ("This feature unknown", "u"),
    "enter": ("The rest unknown, and on", "Enter"),
    "ignore": ("Ignore the patch", "i"),
    "accept": ("Take the suggested grades", " "),
    "flag": ("Flag for later", "f"),
    "undo": ("Undo", "Backspace"),
    "next": ("Pass over this patch", "ArrowRight"),
    "previous": ("Back to the patch before", "ArrowLeft"),
    "up": ("The feature above", "ArrowUp"),
    "down": ("The feature below", "ArrowDown"),
    "guide": ("Atlas: what grades mean", "h"),
    "context": ("Hold: three times as wide", "z"),
    "brightness": ("Brightness", "b"),
    "contrast": ("Contrast", "v"),
    "haematoxylin": ("Haematoxylin alone", "n"),
    "counterstain": ("Counterstain alone", "e"),
    "plain": ("As scanned", "x"),
    "ruler": ("Ruler", "m"),
    "place": ("Deep zoom at this spot", "o"),
    "keys": ("These keys", "k"),
}
"""Per act its words and its usual key, as browsers name keys (`KeyboardEvent.key`, letters small)."""

# Page Up and Page Down turn the atlas and nothing else.
USUAL: dict[str, str] = {act: key for act, (_, key) in ACTS.items()}
NAMED = frozenset({" ", "Enter", "Backspace", "Delete", "Insert", "Home", "End"}) | {
    f"Arrow{way}" for way in ("Left", "Right", "Up", "Down")
}
TAKEN = frozenset("0123456789-cr")  # grades, the second key for unknown, and two that the page's frame listens to


def checked_keys(keys: Mapping[str, str]) -> dict[str, str]:
    """A reader's keys, one per act; acts that are not named keep their usual key.

    Raises:
        LabError: there is no such act, a key cannot be used, or two acts would have the same one.
    """
    for act, key in keys.items():
        if act not in ACTS:
            raise LabError(f"There is no act called {str(act)[:40]} to give a key to. Nothing was changed.")
        if not isinstance(key, str) or not _usable(key):
            raise LabError(f"{str(key)[:20]} cannot be the key of “{ACTS[act][0]}”. Nothing was changed.")
    chosen = USUAL | dict(keys)
    by_key: dict[str, str] = {}
    for act, key in chosen.items():
        if key in by_key:
            first, second = ACTS[by_key[key]][0], ACTS[act][0]
            raise LabError(f"“{first}” and “{second}” would have the same key. Nothing was changed.")
        by_key[key] = act
    return chosen


def _usable(key: str) -> bool:
    if key in NAMED:
        return True
    return len(key) == 1 and key.isprintable() and not key.isspace() and key == key.lower() and key not in TAKEN
