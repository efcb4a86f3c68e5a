"""The command line on a home of the test's own."""

import shutil
import sys

import pytest

from mmdnet import cli


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, new_home):
    """Run a command on a temporary home, as a first start leaves it: exit code, stdout, stderr."""
    monkeypatch.setenv("MMDNET_HOME", str(tmp_path / "home"))

    def go(*words: str) -> tuple[int, str, str]:
        if not (tmp_path / "home").exists():
            shutil.copytree(new_home, tmp_path / "home")
        monkeypatch.setattr(sys, "argv", ["mmdnet", *words])
        code = 0
        try:
            cli.main()
        except SystemExit as leave:
            code = int(leave.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return go
