"""Where pages write Markdown, every value in it comes through `ui.shell.literal`, so that no name is drawn as markup.

Read from the source: what is handed to a Markdown-drawing call must be made of constants, of `literal(...)`, of numbers
and words that are the program's own, or of names that were. What cannot be told from the source stands in `OWN` with
its reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "pages").glob("*.py"), *(ROOT / "ui").rglob("*.py")])
DRAWN = {"title", "header", "subheader", "markdown", "caption", "write", "info", "success", "warning", "error", "toast",
         "badge", "button", "expander", "popover", "page_link", "dialog", "spinner", "metric", "form_submit_button",
         "download_button", "toggle", "checkbox", "tabs"}  # fmt: skip
BY_NAME = {"label", "help", "title", "caption", "text", "body"}

SAFE_CALLS = {
    "literal": "the function itself",
    "code": "the same for code",
    "count": "a number with the program's noun",
    "share": "a number", "number": "a number", "duration": "a length of time", "ago": "a length of time",
    "interval": "numbers", "len": "a number", "moment": "a time",
    "place_of": "numbers", "quality_line": "numbers with the program's words", "round": "a number",
    "chance": "a number",
    "model_words": "checked below", "label_efficiency_words": "checked below", "preview_words": "checked below",
    "progress_line": "checked below", "waiting_words": "checked below",
    "_runs_now": "checked below",
    "learning_words": "checked below",
    "summary_words": "checked below", "first_look_words": "checked below", "_first_words": "checked below",
}  # fmt: skip
RETURN_MARKDOWN = (
    "model_words",
    "label_efficiency_words",
    "preview_words",
    "progress_line",
    "waiting_words",
    "_runs_now",
    "_amount",
    "learning_words",
    "_first_words",
    "summary_words",
    "first_look_words",
)


Assigned = dict[str, list[ast.expr]]


def name_of(node: ast.expr | None) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def unsafe(node: ast.expr | None, known: Assigned) -> Iterator[ast.expr]:
    """What of this expression is not known to be the program's own."""
    match node:
        case None | ast.Constant():
            return
        case ast.JoinedStr(values=parts):
            for part in parts:
                if isinstance(part, ast.FormattedValue) and part.format_spec is None:  # a format is for numbers
                    yield from unsafe(part.value, known)
        case (
            ast.BinOp() | ast.BoolOp() | ast.IfExp() | ast.List() | ast.GeneratorExp() | ast.ListComp() | ast.Starred()
        ):
            for part in pieces(node):
                yield from unsafe(part, known)
        case ast.Call(func=ast.Attribute(value=text, attr="lower" | "capitalize")):
            yield from unsafe(text, known)
        case ast.Call(func=ast.Attribute(attr="join"), args=[parts]):
            yield from unsafe(parts, known)
        case ast.Call(func=function) if name_of(function) in SAFE_CALLS:
            return
        case ast.Name(id=name) if name in known:
            values, known = known[name], {other: value for other, value in known.items() if other != name}
            for value in values:
                yield from unsafe(value, known)
        case _ if not name_of(node).isupper():
            yield node


def pieces(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp():
            return [node.left, node.right]
        case ast.BoolOp():
            return node.values[-1:] if isinstance(node.op, ast.And) else node.values
        case ast.IfExp():
            return [node.body, node.orelse]
        case ast.GeneratorExp() | ast.ListComp():
            return [node.elt]
        case ast.Starred():
            return [node.value]
        case ast.List():
            return node.elts
    return []


def assigned_in(tree: ast.AST) -> Assigned:
    """Every value that a name is given by `=`, `+=` or `append`; names given otherwise are not known."""
    known: Assigned = {}
    others: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AugAssign(target=ast.Name(id=name), value=value)
            ):
                known.setdefault(name, []).append(value)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[value]):
                known.setdefault(name, []).append(value)
            case ast.For(target=target) | ast.comprehension(target=target):
                others |= {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
            case ast.arg(arg=name):
                others.add(name)
    return {name: values for name, values in known.items() if name not in others}


NUMBER, FIXED = "a number", "words of the program"
OWN: dict[str, dict[str, str]] = {
    "pages/agreement.py": {"view.groups[0].readers": NUMBER},
    "ui/agreement/agreement.py": {
        "words.RULES[view.rule]": FIXED,
        "DRAWN[pair.drawn]": FIXED,
        "DRAWN[view.groups[0].drawn]": FIXED,
    },
    "ui/agreement/label_efficiency.py": {
        "lines()[plan].title": FIXED,
        "result.patients": NUMBER,
        "result.seeds": NUMBER,
    },
    "ui/agreement/reviews.py": {
        "title": FIXED,
        "sentence": FIXED,
        "nothing": FIXED,
        "words.RULE_HELP[rule]": FIXED,
        "verdict.broken_id": NUMBER,
    },
    "ui/evaluate/figures.py": {"titles()[name]": FIXED},
    "ui/evaluate/result.py": {"name": FIXED, "FILE_WORDS[kind]": FIXED},
    "ui/evaluate/methods_result.py": {"FILE_WORDS[kind]": FIXED},
    "ui/label/plain_buttons.py": {"progress.labelled": NUMBER, "progress.patches": NUMBER},
    "ui/models/score.py": {"rule.title": FIXED, "rule.help": FIXED},
    "ui/models/search.py": {"FILE_WORDS[kind]": FIXED},
    "ui/models/train.py": {
        "counts.ignored": NUMBER,
        "options['preset'].option.help": FIXED,
        "title": FIXED,
        "option.title": FIXED,
        "option.help": FIXED,
        "said": "the option's help, once more named",
        "field.words(usual)": "a preset's value",
    },
    "ui/shell/presses.py": {"label": FIXED},
    "ui/report/report.py": {
        "title": FIXED,
        "show(quantity.value)": NUMBER,
        "show(quantity.interval.low).removesuffix(' per field').removesuffix(' %')": NUMBER,
        "show(quantity.interval.high)": NUMBER,
    },
    "ui/shell/frame.py": {"listed.title": FIXED, "listed.help": FIXED},
    "ui/shell/home.py": {"project.scored_slides": NUMBER},
    "ui/shell/jobs.py": {"part": "lengths of time"},
    "ui/shell/session.py": {"title": "a page's title"},
    "ui/slides/overview.py": {"st.session_state.get('region_queued')": NUMBER, "words_": FIXED},
}


def drawn_in(tree: ast.Module) -> Iterator[ast.expr]:
    """What of this file is put raw into Markdown."""
    scopes = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    rest = ast.Module([node for node in tree.body if node not in scopes], [])
    for scope in [*scopes, rest]:
        known = assigned_in(scope)
        for node in ast.walk(scope):
            if isinstance(node, ast.Call):
                for text in markdown_of(node):
                    yield from unsafe(text, known)
            if isinstance(node, ast.Return) and getattr(scope, "name", "") in RETURN_MARKDOWN:
                yield from unsafe(node.value, known)


def markdown_of(call: ast.Call) -> list[ast.expr]:
    """The texts of a call that Streamlit draws as Markdown."""
    if not isinstance(call.func, ast.Attribute) or name_of(call.func.value) not in {"st", "left", "right", "bar"}:
        return []
    texts = call.args[:1] if call.func.attr in DRAWN else []
    return [*texts, *(keyword.value for keyword in call.keywords if keyword.arg in BY_NAME)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_value_is_written_into_markdown_raw(file):
    own = OWN.get(str(file.relative_to(ROOT)), {})
    drawn = [(value.lineno, ast.unparse(value)) for value in drawn_in(ast.parse(file.read_text("utf-8")))]
    raw = [f"line {line}: {value}" for line, value in drawn if value not in own]
    assert not raw, "put it through ui.shell.literal, or say in OWN why it is the program's own:\n" + "\n".join(raw)
    assert set(own) <= {value for _, value in drawn}, "no longer written there: take it out of OWN"


@pytest.mark.parametrize(
    "written",
    [
        "st.caption(f'of {slide.name}')",
        "st.error(str(refusal))",
        "st.title(slide.name)",
        "st.button(f'Sign as {who.name}')",
        "st.image(picture, caption=item.slide_name)",
        "for sentence in refused:\n    st.warning(sentence)",
        "said = job.title\nst.markdown('**' + said + '**')",
        "st.info(', '.join(names))",
    ],
)
def test_a_new_offender_is_found(written):
    assert list(drawn_in(ast.parse(written)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_heading_is_below_the_third_level(file):
    """Under a page's title (1) and its headers (2) one skips a level, which axe-core finds where a result is shown."""
    assert '"####' not in file.read_text("utf-8")
