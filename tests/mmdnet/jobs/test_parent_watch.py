"""A process that watches its parent, and its helpers, end with the process that started them."""

import subprocess
import sys
from pathlib import Path

from mmdnet.jobs.parent_watch import ORPHANED
from mmdnet.settings import PROJECT_ROOT
from tests.mmdnet.jobs.conftest import alive, wait_for

HELPED = """
import subprocess, sys, time
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(helper.pid, flush=True)
time.sleep(600)
"""


def test_the_end_of_stdin_ends_a_process_and_its_helpers(tmp_path: Path) -> None:
    (tmp_path / "helped.py").write_text(HELPED)
    process = subprocess.Popen(
        [sys.executable, "-m", "mmdnet.jobs.parent_watch", "helped"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{PROJECT_ROOT}:{tmp_path}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None
    helper = int(process.stdout.readline())
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(5) != 0
    wait_for(lambda: not alive(helper), seconds=5)
    process.stdout.close()


def test_a_process_that_leads_no_group_ends_alone() -> None:
    code = "import time; from mmdnet.jobs.parent_watch import watch_parent; watch_parent(); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT_ROOT, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == ORPHANED
