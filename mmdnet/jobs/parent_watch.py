"""A process whose parent holds its stdin dies when the parent does, however the parent dies.

`python -m mmdnet.jobs.parent_watch MODULE ARG ...` runs a module that way. The kernel closes the pipe even after
kill -9 of the parent, on every platform; a process group or a signal would not do.
"""

import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable

ORPHANED = 86  # exit code of a process that outlived its parent


def watch_parent(told: Callable[[], None] = lambda: None) -> None:
    """Die when stdin ends; call `told` for every line the parent writes before that.

    Reads the descriptor itself: the buffered stdin's lock, held by this thread, would abort the interpreter at exit.
    """

    def watch() -> None:
        try:
            while heard := os.read(0, 4096):
                for _ in range(heard.count(b"\n")):
                    told()
        except OSError:
            pass
        _die()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _die() -> None:
    if os.name != "nt" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with the helpers it started, which would wait for it for ever
    os._exit(ORPHANED)


def main() -> None:
    """Run the module named on the command line as if by `python -m`."""
    if len(sys.argv) < 2:
        sys.exit("Name the module to run: python -m mmdnet.jobs.parent_watch MODULE ARG ...")
    sys.argv = sys.argv[1:]
    watch_parent()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
