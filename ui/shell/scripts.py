"""ES modules as the one script a Streamlit component takes.

A component's script reaches the browser as text and is imported from memory: it has no address beside which a neighbour
could be found. So the modules that an entry imports are put in front of it, each in a function of its own. That works
without network and behind any base path, and the first paint waits for no further request.
"""

from __future__ import annotations

import re
from pathlib import Path

IMPORT = re.compile(r"^import \{ ([\w$, ]+) \} from '(\.{1,2}/[\w./]+\.js)'$", re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async function|function|class|const) ([\w$]+))", re.MULTILINE)
OTHER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)
ENTRY = re.compile(r"^export default function\b", re.MULTILINE)


def bundle(entry: Path) -> str:
    """The script of a component: its entry, which exports a default function, after all modules that it imports.

    Modules import by name from files beside them and export functions, classes and constants where they are defined.

    Raises:
        ValueError: a module says it in another way, imports what is not exported, or imports in a circle.
    """
    placed: dict[Path, tuple[str, frozenset[str]]] = {}
    pieces: list[str] = []
    body = _with_imports(entry.resolve(), placed, pieces, ())
    if len(ENTRY.findall(body)) != 1:
        raise ValueError(f"{entry.name} must export one default function")
    _refuse_others(entry, ENTRY.sub("function", body))
    return "\n".join([*pieces, body])


def _with_imports(
    file: Path, placed: dict[Path, tuple[str, frozenset[str]]], pieces: list[str], importers: tuple[Path, ...]
) -> str:
    """The text of a module, its imports taken from the constants that hold the modules placed before it."""
    if file in importers:
        raise ValueError(f"{file.name} is imported in a circle")

    def taken(match: re.Match[str]) -> str:
        names, neighbour = match[1], (file.parent / match[2]).resolve()
        if neighbour not in placed:
            _place(neighbour, placed, pieces, (*importers, file))
        holder, exported = placed[neighbour]
        if missing := {name.strip() for name in names.split(",")} - exported:
            raise ValueError(
                f"{file.name} imports {', '.join(sorted(missing))}, which {neighbour.name} does not export"
            )
        return f"const {{ {names} }} = {holder}"

    return IMPORT.sub(taken, file.read_text("utf-8"))


def _place(
    file: Path, placed: dict[Path, tuple[str, frozenset[str]]], pieces: list[str], importers: tuple[Path, ...]
) -> None:
    """Put a module into a constant that holds what it exports, after those it imports."""
    body = _with_imports(file, placed, pieces, importers)
    names = [name for _, name in EXPORT.findall(body)]
    body = EXPORT.sub(r"\1", body)
    _refuse_others(file, body)
    holder = f"module_{len(placed)}"
    placed[file] = holder, frozenset(names)
    pieces.append(f"const {holder} = (() => {{ // {file.name}\n{body}return {{ {', '.join(names)} }}\n}})()")


def _refuse_others(file: Path, body: str) -> None:
    if other := OTHER.search(body):
        raise ValueError(f"{file.name}: this way to import or export is not known here: {other[0]}")
