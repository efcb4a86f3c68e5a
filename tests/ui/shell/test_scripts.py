"""ES modules become one script that says the same; whatever could go wrong silently is refused."""

from pathlib import Path

import pytest

from ui.shell.scripts import bundle

UI = Path(__file__).parents[3] / "ui"
ENTRIES = [UI / "label" / "canvas", UI / "label" / "bulk", UI / "slides" / "viewer"]


@pytest.fixture
def modules(tmp_path: Path):
    def written(**texts: str) -> Path:
        for name, text in texts.items():
            (tmp_path / f"{name}.js").write_text(text)
        return tmp_path / "index.js"

    return written


def test_each_module_stands_once_and_before_those_that_import_it(modules):
    entry = modules(
        index="import { a } from './a.js'\nimport { b } from './b.js'\n\nexport default function (x) { return a(b, x) }\n",
        a="import { b } from './b.js'\n\nexport function a(y, x) { return y + x + b }\n",
        b="export const b = 1\n",
    )
    assert bundle(entry) == (
        "const module_0 = (() => { // b.js\nconst b = 1\nreturn { b }\n})()\n"
        "const module_1 = (() => { // a.js\nconst { b } = module_0\n\n"
        "function a(y, x) { return y + x + b }\nreturn { a }\n})()\n"
        "const { a } = module_1\nconst { b } = module_0\n\nexport default function (x) { return a(b, x) }\n"
    )


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (
            {"index": "import { a } from './a.js'\n", "a": "const a = 1\n"},
            "index.js imports a, which a.js does not export",
        ),
        (
            {"index": "import { a } from './a.js'\n", "a": "import { a } from './a.js'\n"},
            "a.js is imported in a circle",
        ),
        (
            {"index": "import a from './a.js'\nexport default function () {}\n"},
            "not known here: import a from './a.js'",
        ),
        ({"index": "import { a } from './a.js'\n", "a": "export default 3\n"}, "a.js: this way to import or export"),
        (
            {"index": "import { a } from './a.js'\n", "a": "const a = 1\nexport { a }\n"},
            "index.js imports a|not known here",
        ),
        ({"index": "export function draw() {}\n"}, "must export one default function"),
    ],
)
def test_what_it_does_not_understand_is_refused_by_name(modules, texts, words):
    with pytest.raises(ValueError, match=words):
        bundle(modules(**texts))


@pytest.mark.parametrize("folder", ENTRIES, ids=lambda folder: folder.name)
def test_every_component_is_one_script_that_imports_nothing(folder):
    script = bundle(folder / "index.js")
    assert not [line for line in script.splitlines() if line.startswith("import ")]
    assert [line for line in script.splitlines() if line.startswith("export ")] == [
        "export default function (component) {"
    ]
    for module in folder.glob("*.js"):
        assert module.name == "index.js" or f"// {module.name}\n" in script, f"{module.name} is imported by nothing"
