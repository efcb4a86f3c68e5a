"""Text that a person or a file brings, shown as it is: names, facts, reasons, messages and refusals that quote them.

Streamlit draws nearly every text as Markdown, Plotly reads tags in its texts, and HTML is HTML. Each has its function
here; `plain` is for what shows text as text (table cells, options of select boxes, alternative texts).

| where | function |
|---|---|
| Markdown: titles, captions, labels, badges, toasts, tooltips, progress, alerts, `st.table` | `literal` |
| Plotly: axis titles, ticks, names, hover | `in_figure` |
| `st.html` | `in_html` |
| `st.dataframe`, `st.selectbox`, `st.multiselect`, `st.code` | `plain` |
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from html import escape

BREAK = ":red[]"
"""Streamlit's own directive around nothing. Emoji and icon names, bare addresses and arrows are looked for in finished
text, where a backslash is forgotten already; a directive cuts the text in two, and nothing is found."""

GAP = re.compile(r"[^\S\u00a0]+")  # one that may not break is kept: print has it where no line may end
JOINERS = "\u200c\u200d"  # belong between letters of some scripts and parts of an emoji
UNSEEN_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters by class, nothing to see
MARKUP = re.compile(
    r"""(?P<cut>
      :(?=\S|$)      # a directive, an emoji, an icon, an address
    | @              # an address of mail
    | <(?=[-=]) | >(?==) | -(?=[->]) | ~(?==)  # arrows and signs
    | www(?=\.)      # an address
    )
    | [\\`*~\[\]{}<>$&|]
    | (?<![^\W_])_ | _(?![^\W_])  # within a word it means nothing
    | ^(?: [\#=+-] | \d+[.)](?=\s|$) )
    """,
    re.VERBOSE | re.IGNORECASE,
)


def plain(text: str) -> str:
    """The text on one line; what cannot be seen (control and direction marks, gaps without width) is said: ⟨U+202E⟩."""
    text = GAP.sub(" ", text.strip())
    if text.isprintable() and UNSEEN_LETTERS.isdisjoint(text):  # all that is hidden below is not printable, or of these
        return text
    return "".join(_seen(text, place) for place in range(len(text)))


def _seen(text: str, place: int) -> str:
    character = text[place]
    if character in JOINERS:
        around = text[place - 1 : place] + text[place + 1 : place + 2]
        hidden = (
            len(around) < 2 or around.isascii() or any(unicodedata.category(neighbour) == "Cf" for neighbour in around)
        )
    else:
        hidden = character in UNSEEN_LETTERS or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return f"⟨U+{ord(character):04X}⟩" if hidden else character


def plain_all(texts: Iterable[str | None]) -> list[str | None]:
    """A column of a table; None stays None."""
    return [None if text is None else plain(text) for text in texts]


def literal(text: str) -> str:
    """Markdown that shows exactly this text: no emphasis, link, picture, formula, badge, icon or list comes of it."""
    return MARKUP.sub(_defused, plain(text))


def _defused(match: re.Match[str]) -> str:
    escaped = re.sub(r"[^\w\s]|_", r"\\\g<0>", match[0])
    return escaped + (BREAK if match["cut"] else "")


def code(text: str) -> str:
    """Markdown that shows this text as code, such as a hash."""
    return f"`{text}`" if text and plain(text) == text and "`" not in text else literal(text)


def in_html(text: str) -> str:
    """HTML that shows exactly this text, also within quotes."""
    return escape(plain(text))


def in_figure(text: str) -> str:
    """What Plotly shows as exactly this text: it reads tags, entities, formulas between dollars and `%{...}`."""
    return re.sub(r"[&<>${}%]", lambda sign: f"&#{ord(sign[0])};", plain(text))
