"""The launcher: what it refuses, what it installs, what it starts, and that nothing is left when it ends."""

import ast
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import lab
from tests.mmdnet.jobs.conftest import wait_for

SOURCE = Path(lab.__file__)


def test_the_launcher_needs_nothing_but_python() -> None:
    tree = ast.parse(SOURCE.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_an_old_python_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ast.parse(SOURCE.read_text(), feature_version=(3, 7))  # else it would get a syntax error
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    assert lab.main() == 1
    assert capsys.readouterr().out.startswith("The lab needs Python 3.11 or newer; this is 3.9.2.")


def refused(*arguments: str) -> str:
    """What the launcher says when it will not start."""
    done = subprocess.run([sys.executable, str(SOURCE), "run", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_port_in_use_is_a_sentence_with_another_port(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind((lab.ADDRESS, 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert f"--port {port + 1}" in refused("--port", str(port), "--home", str(tmp_path / "home"))
    assert not (tmp_path / "home").exists()
    assert "no port 70000" in refused("--port", "70000")


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "choose another with --home" in refused(
        "--port", str(free_port()), "--home", str(tmp_path / "file" / "home")
    )


def test_one_home_holds_one_lab(tmp_path: Path) -> None:
    with lab.hold(tmp_path), pytest.raises(lab.Refusal, match="already running"), lab.hold(tmp_path):
        pass
    with lab.hold(tmp_path):
        pass


class Shell:
    """Stands for `subprocess.run`: notes the commands, and fails those that contain `fails`."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.fails = "nothing"

    def put_command(self, folder: Path, python: Path) -> None:
        """The command as pip installs it: it starts `python`, and runs the code of `folder`."""
        record = lab.VENV / "lib" / "python3.11" / "site-packages" / "mmdnet_lab-0.1.0.dist-info" / "direct_url.json"
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps({"dir_info": {"editable": True}, "url": folder.as_uri()}))
        lab.PYTHON.with_name("mmdnet").write_text(f"#!{python}\nfrom mmdnet.cli import main\n")

    def run(self, command: list[object], **_: object) -> "subprocess.CompletedProcess[bytes]":
        words = " ".join(map(str, command))
        self.commands.append(words)
        if " venv " in words or " ci " in words:
            made = Path(str(command[-1])) / "bin" if " venv " in words else lab.ROOT / "node_modules"
            made.mkdir(parents=True, exist_ok=True)
            (made / "python").touch()
        if " -e " in words:  # what pip writes down of a folder's own command
            self.put_command(lab.ROOT, lab.PYTHON)
        return subprocess.CompletedProcess([], 1 if self.fails in words else 0, stdout=b"")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    for name in ("requirements.txt", "requirements-dev.txt", "package-lock.json", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    shell = Shell()
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    monkeypatch.setattr(lab, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(lab, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(lab.subprocess, "run", shell.run)
    monkeypatch.setattr(lab.shutil, "which", lambda name: None)
    return shell


def test_the_second_start_installs_nothing_and_compiles_nothing_twice(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    lab.make_environment()
    assert "PYTHONDONTWRITEBYTECODE" not in lab.own_environment() | lab.Part("app", [], lab.ROOT)._environment
    assert [word for line in shell.commands for word in ("venv", "pip", "npm") if word in line.split("/")[-1]]
    shell.commands.clear()
    lab.make_environment()
    assert shell.commands == []


def test_what_only_tests_need_of_the_browsers_world_is_installed_for_tests_alone(shell: Shell) -> None:
    lab.make_environment()
    lab.make_environment(dev=True)
    lab.make_environment()
    assert ["--omit=dev" in line for line in shell.commands if " ci " in line] == [True, False]


def test_changed_requirements_are_installed_again_and_those_for_tests_serve_both(shell: Shell) -> None:
    lab.make_environment(dev=True)
    shell.commands.clear()
    lab.make_environment()
    assert shell.commands == []
    (lab.ROOT / "requirements.txt").write_text("changed")
    lab.make_environment()
    assert any("pip install" in line for line in shell.commands)


def test_the_command_of_a_folder_that_was_moved_or_copied_is_mended(shell: Shell, tmp_path: Path) -> None:
    lab.make_environment()
    command = lab.PYTHON.with_name("mmdnet")
    elsewhere = tmp_path / "where it was"
    spoilt = {
        "its code": lambda: shell.put_command(elsewhere, lab.PYTHON),
        "its Python": lambda: shell.put_command(lab.ROOT, elsewhere / "python"),
        "the command": command.unlink,
        "its record": lambda: shutil.rmtree(lab.VENV / "lib"),
    }
    for what, spoil in spoilt.items():
        spoil()
        shell.commands.clear()
        lab.make_environment()
        assert [" -e " in line for line in shell.commands] == [True], what
        shell.commands.clear()
        lab.make_environment()
        assert shell.commands == [], what


def test_what_is_linked_from_another_folder_stays_that_folders(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.make_environment()
    before = lab.PYTHON.with_name("mmdnet").read_text()
    linked = tmp_path / "linked"
    linked.mkdir()
    for name in ("requirements.txt", "package-lock.json", "pyproject.toml"):
        shutil.copy(tmp_path / name, linked)
    for name in (".venv", "node_modules"):
        (linked / name).symlink_to(tmp_path / name)
    monkeypatch.setattr(lab, "ROOT", linked)
    monkeypatch.setattr(lab, "VENV", linked / ".venv")
    monkeypatch.setattr(lab, "PYTHON", linked / ".venv" / "bin" / "python")
    shell.commands.clear()
    lab.make_environment()
    assert shell.commands == [] and lab.PYTHON.with_name("mmdnet").read_text() == before
    (linked / "package-lock.json").write_text("another viewer")
    lab.make_environment()
    assert shell.commands == [] and "node_modules is a link" in capsys.readouterr().out
    (linked / "requirements.txt").write_text("other packages")
    with pytest.raises(lab.Refusal, match="Remove the link"):
        lab.make_environment()
    assert shell.commands == []


def test_what_only_a_gpu_needs_is_installed_beside_the_rest_as_it_is_pinned(shell: Shell) -> None:
    (lab.ROOT / "requirements.txt").write_text('# Direct\ntorch==2.0\n\nnvidia-nccl==2.1; sys_platform == "linux"\n')
    (lab.ROOT / "requirements-dev.txt").write_text("-r requirements.txt\npytest==9.2.0\n")
    lab.make_environment(dev=True)
    gpu, rest = sorted((line for line in shell.commands if "--no-deps --progress" in line), key=len)[::-1]
    assert gpu.endswith('off nvidia-nccl==2.1; sys_platform == "linux"') and rest.endswith(
        "off torch==2.0 pytest==9.2.0"
    )


def test_an_installation_that_failed_is_tried_again(shell: Shell) -> None:
    shell.fails = "pip install"
    with pytest.raises(lab.Refusal, match="run the command again"):
        lab.make_environment()
    shell.fails = "nothing"
    shell.commands.clear()
    lab.make_environment()
    assert any("pip install" in line for line in shell.commands)


def test_a_viewer_that_cannot_be_installed_keeps_nobody_from_starting(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.fails = " ci "
    lab.make_environment()
    assert "could not be installed" in capsys.readouterr().out
    shell.fails = "nothing"
    lab.make_environment()
    assert shell.commands[-1].count(" ci ") == 1


def test_a_machine_without_venv_is_told_which_package_has_it(shell: Shell) -> None:
    shell.fails = " venv "
    with pytest.raises(lab.Refusal, match="apt install python3-venv"):
        lab.make_environment()


@pytest.mark.parametrize(
    ("said", "module"),
    [
        (["test", "-k", "some"], ["tests.run_all", "-k", "some"]),
        (["soak", "--quick"], ["benchmarks", "soak", "--quick"]),
    ],
)
def test_what_tests_is_a_program_of_the_environment_without_the_settings_of_a_lab(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, said: list[str], module: list[str]
) -> None:
    became: list[object] = []
    monkeypatch.setattr(sys, "argv", ["lab.py", *said])
    monkeypatch.setenv("MMDNET_HOME", "of a lab")
    monkeypatch.chdir(Path.cwd())
    monkeypatch.setattr(lab.os, "execve", lambda *how: became.extend((Path.cwd(), *how)))
    lab.main()
    folder, python, command, environment = became
    assert (folder, python, command) == (lab.ROOT, lab.PYTHON, [str(lab.PYTHON), "-m", *module])
    assert isinstance(environment, dict) and "MMDNET_HOME" not in environment and "PATH" in environment
    assert any("requirements-dev" not in line and "npm" in line and "--omit=dev" not in line for line in shell.commands)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((lab.ADDRESS, 0))
        return int(probe.getsockname()[1])


class Running:
    """A launcher started for real on a home and port of its own."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.said = home.with_suffix(".out")
        command = [sys.executable, str(SOURCE), "run", "--no-demo", "--home", str(home), "--port", str(self.port)]
        # What a shell runs in the background ignores Ctrl-C, and what that starts would too.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
        signal.signal(signal.SIGINT, before)
        wait_for(lambda: "The lab is ready" in self.said.read_text() or self.process.poll() is not None, seconds=120)
        assert self.process.poll() is None, self.said.read_text()
        self.parts = wait_for(lambda: self._parts(3))

    def _parts(self, number: int) -> list[psutil.Process]:
        """The app and the workers, once there are as many."""
        parts = psutil.Process(self.process.pid).children()
        return parts if len(parts) >= number else []

    def worker(self) -> psutil.Process:
        workers = [part for part in self._parts(3) if "cpu" in part.cmdline()]
        return workers[0]

    def all_gone(self) -> bool:
        return not any(part.is_running() and part.status() != psutil.STATUS_ZOMBIE for part in self.parts)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    stamp = lab.VENV / "requirements.txt.installed"
    if not lab.is_stamped(stamp, lab.fingerprint(lab.ROOT / "requirements.txt")):
        pytest.skip("the environment was not made by lab.py, so a start would install packages")
    started = Running(tmp_path / "home")
    yield started
    if started.process.poll() is None:
        os.killpg(started.process.pid, signal.SIGKILL)
    started.process.wait()
    wait_for(started.all_gone)


def test_a_lab_answers_mends_itself_and_leaves_nothing_after_ctrl_c(running: Running) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://{lab.ADDRESS}:{running.port}/_stcore/health") as answer:
        assert answer.status == 200
    killed = running.worker()
    killed.kill()
    wait_for(lambda: "The cpu worker stopped" in running.said.read_text())
    running.parts += wait_for(lambda: [part for part in running._parts(3) if part.pid != killed.pid])
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(20) == 130
    assert running.all_gone()


def test_a_killed_launcher_leaves_no_process(running: Running) -> None:
    running.process.kill()
    wait_for(running.all_gone, seconds=5)


def test_a_part_that_dies_soon_waits_longer_each_time_and_one_that_lived_is_back_at_once(tmp_path: Path) -> None:
    dies_soon = lab.Part("app", ["app"], tmp_path)
    pauses = [dies_soon.pause(0.5) for _ in range(8)]
    assert pauses == sorted(pauses) and pauses[0] <= 1 and pauses[-1] == lab.LONGEST_WAIT_S
    every_29_s = lab.Part("app", ["app"], tmp_path)
    away = sum(every_29_s.pause(29) for _ in range(20))
    assert away / (away + 20 * 29) < 0.05
    every_8_s = lab.Part("app", ["app"], tmp_path)
    away = sum(every_8_s.pause(8) for _ in range(20))
    assert away / (away + 20 * 8) < 0.5


def test_the_sub_path_is_what_streamlit_itself_will_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("STREAMLIT_SERVER_BASE_URL_PATH", raising=False)
    assert lab.base_path(None) == ""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text('[server]\nbaseUrlPath = "/liver/"\n')
    assert lab.base_path(None) == "/liver"
    monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", "a/b")
    assert lab.base_path(None) == "/a/b"
    assert lab.base_path("lab") == "/lab"
    assert lab.base_path("") == ""


def test_folders_of_slides_are_named_to_every_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMDNET_SLIDE_ROOTS", "/before")
    monkeypatch.setenv("MMDNET_SLIDE_URLS", "")
    lab._allow_slides([str(tmp_path), "s3://bucket/liver"])
    assert os.environ["MMDNET_SLIDE_URLS"] == "s3://bucket/liver"
    assert os.environ["MMDNET_SLIDE_ROOTS"] == os.pathsep.join(["/before", str(tmp_path.resolve())])
    with pytest.raises(lab.Refusal, match="no folder"):
        lab._allow_slides([str(tmp_path / "nowhere")])
