"""Letters for a PDF: which fonts hold them, and what stands where none does.

Typst sets a character it has no glyph for as a box and says nothing, so a signer's name could be lost. The report's
own font is DejaVu Sans as matplotlib's package brings it; for a character it lacks, fonts of this machine are searched.
What no font holds is written as its code point.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import typst

FAMILIES = ("DejaVu Sans", "DejaVu Sans Mono")
JOINERS = frozenset("\u200c\u200d")  # Persian and Indic scripts are misspelt without them; they need no glyph


@dataclass(frozen=True, slots=True)
class Letters:
    """Fonts for a text.

    Attributes:
        families: their names, the first preferred.
        lacking: characters none of them holds.
        of_machine: whether fonts of this machine are among them.
    """

    families: tuple[str, ...]
    lacking: frozenset[str]
    of_machine: bool

    def shown(self, text: str) -> str:
        """The text with what cannot be set written as code points, white space as spaces."""
        return "".join(" " if char.isspace() else self._shown(char) for char in text)

    def _shown(self, char: str) -> str:
        return f"‹U+{ord(char):04X}›" if char in self.lacking else char


def letters_for(texts: Iterable[str]) -> Letters:
    """Fonts that hold all characters of these texts, as far as this machine has such."""
    wanted = {char for text in texts for char in text if not char.isspace() and char not in JOINERS}
    unprintable = frozenset(char for char in wanted if unicodedata.category(char).startswith("C"))
    lacking = wanted - unprintable - characters_of(str(fonts_folder() / "DejaVuSans.ttf"))
    families = list(FAMILIES)
    for family, path in machine_fonts() if lacking else ():
        held = lacking & characters_of(path)
        if held:
            families.append(family)
            lacking -= held
        if not lacking:
            break
    return Letters(tuple(families), frozenset(lacking | unprintable), len(families) > len(FAMILIES))


def fonts_folder() -> Path:
    """Where matplotlib's package keeps DejaVu."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@cache
def fonts(of_machine: bool) -> typst.Fonts:
    """The fonts typst may take: the report's own, and this machine's where they are needed."""
    import typst

    return typst.Fonts(include_system_fonts=of_machine, include_embedded_fonts=False, font_paths=[str(fonts_folder())])


def machine_fonts() -> list[tuple[str, str]]:
    """Family and file of each upright font of this machine, by name; collections are taken by their first font."""
    own = str(fonts_folder())
    upright = {
        (font.family, font.path)
        for font in fonts(of_machine=True).fonts()
        if font.path and not font.path.startswith(own) and font.style == "normal" and font.index == 0
    }
    return sorted(upright)


@lru_cache(maxsize=64)
def characters_of(path: str) -> frozenset[str]:
    """The characters a font file holds; none if it cannot be read."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            return frozenset(map(chr, font.getBestCmap() or ()))
    except (TTLibError, OSError):
        return frozenset()
