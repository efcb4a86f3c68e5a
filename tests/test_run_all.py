"""The program that runs every check and test: all of them whatever fails, and nothing goes on after Ctrl-C."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import run_all
from tests.mmdnet.jobs.conftest import wait_for


class Shell:
    """Stands for `subprocess`: notes the commands, and fails those that contain `fails`."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.fails = "nothing"

    def run(self, command: list[str], **_: object) -> "subprocess.CompletedProcess[bytes]":
        self.commands.append(" ".join(command))
        return subprocess.CompletedProcess([], 1 if self.fails in self.commands[-1] else 0, stdout=b"")

    def start(self, command: list[str], **how: object) -> "Part":
        return Part(self.run(command, **how).returncode)


class Part:
    """Stands for a process that says nothing and ends at once."""

    pid = 2**22 + 1  # of nobody

    def __init__(self, returncode: int) -> None:
        self.returncode = returncode

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, *_: object) -> None: ...

    def communicate(self) -> tuple[bytes, None]:
        return b"", None


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    monkeypatch.setattr(run_all.subprocess, "run", shell.run)
    monkeypatch.setattr(run_all.subprocess, "Popen", shell.start)
    return shell


def test_every_check_runs_although_one_failed(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.fails = "ruff check"
    assert run_all.run_tests(["-k", "some"]) == 1
    kinds = [
        re.search(r"(?<=-m )(ruff check|ruff format|mypy|pip check|pytest)|importlinter|--test", line)
        for line in shell.commands
    ]
    wanted = ["--test", "importlinter", "mypy", "pip check", "pytest", "ruff check", "ruff format"]
    assert sorted(kind.group() for kind in kinds if kind) == wanted
    assert any(line.endswith("pytest -k some") for line in shell.commands)
    said = capsys.readouterr().out
    assert "Linter: FAILED" in said and "Types: passed" in said and said.endswith("Failed: linter\n")


@pytest.mark.parametrize("fails", ["tests --ignore", "pytest tests/browser", "pytest tests/mmdnet/jobs"])
def test_a_part_of_the_tests_that_fails_is_told_and_the_others_run(shell: Shell, fails: str) -> None:
    shell.fails = fails
    assert run_all.run_tests([]) == 1
    assert sum("-m pytest" in line for line in shell.commands) == len(run_all.WAITING_TESTS) + len(
        run_all.COMPUTING_TESTS
    )
    shell.fails = "nothing"
    assert run_all.run_tests([]) == 0


def test_what_computes_meanwhile_steps_back_with_its_session_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    began, go = tmp_path / "began", tmp_path / "go"
    code = f"""
import os, pathlib, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell runs in the background ignores it
pathlib.Path({str(began)!r}).touch()
while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)
session = pathlib.Path("/proc/self/autogroup")
print(os.getsid(0) == os.getpid(), os.nice(0), session.read_text().split()[-1] if session.exists() else {run_all.NICE})
pathlib.Path({str(go)!r}).unlink()
time.sleep(60)"""
    behind: list[subprocess.Popen[bytes]] = []
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(run_all._hear, [sys.executable, "-u", "-c", code], behind)
        wait_for(began.exists)
        go.touch()
        wait_for(lambda: not go.exists())
        run_all._interrupt(behind)
        ended, said, took = told.result(timeout=30)
    assert said.startswith(f"True {run_all.NICE} {run_all.NICE}\n"), "Linux alone weighs sessions"
    assert "KeyboardInterrupt" in said and ended != 0 and took < 60


def test_every_file_of_tests_is_in_one_part() -> None:
    parts = [*run_all.WAITING_TESTS.values(), *run_all.COMPUTING_TESTS.values()]
    held = [(part[0], [other.removeprefix("--ignore=") for other in part[1:]]) for part in parts]
    for file in sorted((run_all.ROOT / "tests").rglob("test_*.py")):
        folders = [
            parent.relative_to(run_all.ROOT).as_posix()
            for parent in file.parents
            if parent.is_relative_to(run_all.ROOT)
        ]
        assert sum(folder in folders and not set(left_out) & set(folders) for folder, left_out in held) == 1, file
