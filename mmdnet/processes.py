"""A question to a module run with `python -m` in a process of its own: JSON on its stdin, JSON as its last line.

For what needs torch, which the application must never load: memory, and threads that slow every page.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from mmdnet.errors import LabError


def ask_process(module: str, question: dict[str, Any], limit_s: float) -> dict[str, Any]:
    """What the module answers to the question.

    Args:
        module: full name, with a `main` that reads the question and prints the answer.
        question: what JSON can hold.
        limit_s: seconds after which the process is killed.

    Raises:
        LabError: no answer came, or not in time.
    """
    command = [sys.executable, "-m", module]
    try:
        done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, timeout=limit_s)
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError) as error:
        raise LabError("The check did not come to an end. Run `mmdnet doctor`, then try again.") from error
    return answer
