"""A question to a module run with `python -m` in a process of its own: JSON on its stdin, JSON as its last line.

For what needs torch, which the application must never load: memory, and threads that slow every page.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from mmdnet.errors import LabError

Answer = dict[str, Any]  # the JSON object of a module that the one who asks knows


def ask_process(module: str, question: Mapping[str, object], limit_s: float) -> Answer:
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
        answer: Answer = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError) as error:
        raise LabError("The check did not come to an end. Run `mmdnet doctor`, then try again.") from error
    return answer
