"""A question to a process of its own."""

from pathlib import Path

import pytest

from mmdnet.errors import LabError
from mmdnet.processes import ask_process

MODULES = {
    "doubles": "import json, sys\nprint('said before')\nprint(json.dumps({'twice': json.load(sys.stdin)['n'] * 2}))",
    "dies": "raise SystemExit(3)",
    "rambles": "print('no JSON')",
    "sleeps": "import time\ntime.sleep(60)",
}


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, code in MODULES.items():
        (tmp_path / f"asked_{name}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_the_last_line_is_the_answer(modules: None) -> None:
    assert ask_process("asked_doubles", {"n": 21}, 30) == {"twice": 42}


@pytest.mark.parametrize(("name", "limit_s"), [("dies", 30), ("rambles", 30), ("sleeps", 0.5), ("is_not_there", 30)])
def test_no_answer_is_said_in_a_sentence(modules: None, name: str, limit_s: float) -> None:
    with pytest.raises(LabError, match="did not come to an end"):
        ask_process(f"asked_{name}", {}, limit_s)
