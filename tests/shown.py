"""What a reader sees of Markdown in Streamlit's reading of it: the text, and whatever of it would be alive.

A second opinion beside the browser: markdown-it for CommonMark, and here what Streamlit adds: `:name[...]`, formulas, and
what it looks for in finished text (emoji, icons, bare addresses, arrows).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

DIRECTIVE = re.compile(r":([A-Za-z][\w-]*)\[")
MATH = re.compile(r"\$\$?(?=[^\s$])[^$]*?[^\s$]\$\$?")
FINISHED = {
    "emoji": re.compile(r":[\w+-]+:"),
    "icon": re.compile(r":(?:material[/_]\w+|streamlit):"),
    "address": re.compile(r"(?:https?://|www\.)[-.\w]+", re.IGNORECASE),
    "mail": re.compile(r"[-.\w+]+@[-\w]+(?:\.[-\w]+)+"),
    "arrow": re.compile(r"(?:^|\s)(?:<->|->|<-|--|>=|<=|~=)(?:\s|$)"),
}
ALIVE = {"link_open": "link", "image": "picture", "html_inline": "HTML", "html_block": "HTML", "s_open": "struck",
         "em_open": "emphasis", "strong_open": "strong", "code_inline": "code", "math": "formula", "fence": "code",
         "code_block": "code", "heading_open": "heading", "blockquote_open": "quote", "hr": "rule",
         "list_item_open": "list", "table_open": "table"}  # fmt: skip


@dataclass
class Shown:
    """`text` as it is read, and each `alive` thing as (what it is, its text or name)."""

    text: str = ""
    alive: list[tuple[str, str]] = field(default_factory=list)

    def kinds(self) -> set[str]:
        return {kind for kind, _ in self.alive}


def _directive(state: StateInline, silent: bool) -> bool:
    opening = DIRECTIVE.match(state.src, state.pos)
    if not opening:
        return False
    if state.src[state.pos - 1 : state.pos] == ":" and state.src[state.pos - 2 : state.pos - 1] != "\\":
        return False
    end, depth = opening.end(), 1
    while end < len(state.src) and depth:
        sign = state.src[end]
        end += 2 if sign == "\\" else 1
        depth += (sign == "[") - (sign == "]")
    if depth:
        return False
    if not silent:
        state.push("directive_open", "span", 1).info = opening[1]
        before, state.pos, state.posMax = state.posMax, opening.end(), end - 1
        state.md.inline.tokenize(state)
        state.posMax = before
        state.push("directive_close", "span", -1)
    state.pos = end
    return True


def _math(state: StateInline, silent: bool) -> bool:
    formula = MATH.match(state.src, state.pos)
    if not formula:
        return False
    if not silent:
        state.push("math", "math", 0).content = formula[0]
    state.pos = formula.end()
    return True


def _inline(tokens: Sequence[Token], shown: Shown) -> None:
    piece = ""
    for token in [*tokens, Token("end", "", 0)]:
        if token.type in ("text", "text_special"):
            piece += token.content
            continue
        shown.alive += [(kind, match[0]) for kind, look in FINISHED.items() for match in look.finditer(piece)]
        shown.text += piece
        piece = ""
        if token.type in ALIVE:
            shown.alive.append((ALIVE[token.type], token.content))
        if token.type == "directive_open":
            shown.alive.append(("directive", token.info))
        if token.type in ("code_inline", "math", "html_inline"):
            shown.text += token.content
        if token.type in ("softbreak", "hardbreak"):
            shown.text += "\n"


def shown(markdown: str) -> Shown:
    """What is seen of it; a directive around nothing is nothing."""
    parser = MarkdownIt("commonmark").enable(["strikethrough", "table"])
    parser.inline.ruler.before("escape", "math", _math)
    parser.inline.ruler.after("escape", "directive", _directive)
    seen = Shown()
    for token in parser.parse(markdown):
        if token.type in ALIVE:
            seen.alive.append((ALIVE[token.type], token.content))
        if token.type == "inline":
            _inline(token.children or [], seen)
            seen.text += "\n"
        elif token.content and token.type in ALIVE:
            seen.text += token.content
    seen.text = seen.text.removesuffix("\n")
    seen.alive = [thing for thing in seen.alive if thing != ("directive", "red")]
    return seen
