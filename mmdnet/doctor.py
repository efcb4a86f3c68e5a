"""What this machine lacks, and the mend: `mmdnet doctor`, or `python -m mmdnet.doctor` where half is missing.

Every check stands alone and imports what it needs itself, so that one missing piece hides no other.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmdnet.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
OK, WARN, FAIL = "ok", "warn", "fail"
GIB = 2**30
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: ok, warn (the lab works with less) or fail (it does not work), and what mends it."""

    name: str
    status: str
    found: str
    mend: str = ""


def main(home: Path | None = None, as_json: bool = False) -> int:
    """Print what was found; 1 if anything fails, else 0."""
    findings = examine(home)
    failed = any(finding.status == FAIL for finding in findings)
    if as_json:
        print(json.dumps({"ok": not failed, "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            print(f"{finding.status:<5} {finding.name}: {finding.found}")
            if finding.mend:
                print(f"      {finding.mend}")
    return 1 if failed else 0


def examine(home: Path | None = None) -> list[Finding]:
    """Look at everything. Changes nothing."""
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("Python", python),
        ("System", system),
        ("Packages", packages),
        ("Network library", torch),
        ("Slide reader", openslide),
        ("Slide viewer", viewer),
        ("Browser", browser),
    ]
    findings = [_looked_at(name, check) for name, check in checks]
    try:
        from mmdnet.settings import load_settings

        settings = load_settings(**({"home": home} if home else {}))
    except Exception as error:
        return [*findings, Finding("Settings", FAIL, _plain(error), "Correct the setting, or install the packages.")]
    here: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("Home", home_folder),
        ("Disk", disk),
        ("Database", database),
        ("Job queue", job_queue),
        ("Backup", backup),
        ("Engines", engines),
    ]
    if settings.slide_urls:
        here.append(("Slides by URL", slides_by_url))
    return findings + [_looked_at(name, check, settings) for name, check in here]


def _looked_at(name: str, check: Callable[..., Finding], *given: Any) -> Finding:
    """A check that breaks is itself a finding."""
    try:
        return check(*given)
    except Exception as error:
        return Finding(
            name, FAIL, _plain(error), "Run 'python3 lab.py run', which installs and prepares what it needs."
        )


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):  # noqa: UP036 - this very check
        return Finding("Python", FAIL, version, "Install Python 3.11 or newer and run 'python3 lab.py run' with it.")
    return Finding("Python", OK, version)


def system() -> Finding:
    if sys.platform == "linux":
        return Finding("System", OK, "Linux")
    mend = "The lab was tested on Linux. Stopping and resuming of background jobs was not tried here."
    return Finding("System", WARN, sys.platform, mend)


def packages() -> Finding:
    """Compare what is installed with the pins."""
    missing, other = [], []
    for name, wanted in pinned_packages((ROOT / "requirements.txt").read_text(encoding="utf-8")):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if version.partition("+")[0] != wanted:
            other.append(f"{name} {version} instead of {wanted}")
    mend = "Run 'python3 lab.py run': it installs what requirements.txt names."
    if missing:
        return Finding("Packages", FAIL, f"missing: {', '.join(missing)}", mend)
    if other:
        return Finding("Packages", WARN, f"other versions than the tested ones: {', '.join(other)}", mend)
    return Finding("Packages", OK, "all there, in the tested versions")


def pinned_packages(requirements: str) -> list[tuple[str, str]]:
    """Name and version of every package pinned for every platform."""
    line = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)\s*$", re.MULTILINE)
    return line.findall(requirements)


def torch() -> Finding:
    """PyTorch and the GPU it sees."""
    name = "Network library"
    mend = "Run 'python3 lab.py run': it installs the pair of torch and torchvision that fits together."
    try:
        torch = importlib.import_module("torch")
        importlib.import_module("torchvision")
    except Exception as error:
        return Finding(name, FAIL, f"PyTorch does not load: {_plain(error)}", mend)
    if torch.cuda.is_available():
        gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        return Finding(name, OK, f"PyTorch {torch.__version__} with {', '.join(gpus)}")
    if torch.backends.mps.is_available():
        return Finding(name, OK, f"PyTorch {torch.__version__} with Apple's GPU")
    card = shutil.which("nvidia-smi")
    mend = (
        "There is an NVIDIA card that PyTorch cannot use: update its driver."
        if card
        else "Everything works without one; a pretrained backbone is kept frozen, so training takes minutes."
    )
    return Finding(name, WARN, f"PyTorch {torch.__version__}, no GPU", mend)


def openslide() -> Finding:
    try:
        library = importlib.import_module("openslide")
    except Exception as error:
        mend = "Run 'python3 lab.py run': it installs openslide-python and openslide-bin."
        return Finding("Slide reader", FAIL, f"OpenSlide does not load: {_plain(error)}", mend)
    return Finding("Slide reader", OK, f"OpenSlide {library.__library_version__}")


def viewer() -> Finding:
    """OpenSeadragon, put in place by npm."""
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]["openseadragon"]
    installed = ROOT / "node_modules" / "openseadragon" / "package.json"
    if installed.is_file():
        version = json.loads(installed.read_text(encoding="utf-8"))["version"]
        if version == wanted:
            return Finding("Slide viewer", OK, f"OpenSeadragon {version}")
    missing = "OpenSeadragon is not installed, so slides cannot be zoomed in the browser; all else works"
    return Finding(
        "Slide viewer", WARN, missing, "Run 'python3 lab.py run' once with a network connection, or 'npm ci'."
    )


def browser() -> Finding:
    for name in BROWSERS:
        if path := shutil.which(name):
            return Finding("Browser", OK, path)
    mend = "The lab opens in any browser; only its own tests need this one: sudo apt install chromium"
    return Finding("Browser", WARN, "no Chromium, so the real-browser tests are skipped", mend)


def home_folder(settings: Settings) -> Finding:
    home = settings.home.resolve()
    place = _nearest(home)
    mend = "Give yourself the right to write there, or choose another folder with --home or MMDNET_HOME."
    if not place.is_dir():
        return Finding("Home", FAIL, f"{place} is a file, not a folder", mend)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Finding("Home", FAIL, f"{place} cannot be written: {error.strerror}", mend)
    if file_system_of(place) in NETWORK_FILE_SYSTEMS and not settings.database_url:
        mend = "SQLite can lose data there. Put the home on a local disk, or use PostgreSQL by MMDNET_DATABASE_URL."
        return Finding("Home", WARN, f"{home} lies on a network drive", mend)
    return Finding("Home", OK, str(home) if place == home else f"{home} (made at the first start)")


def disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(_nearest(settings.home.resolve())).free / GIB
    state = f"{free:.1f} GiB free"
    mend = "Free some space, or put the home on a larger disk with --home."
    if free < 1:
        return Finding("Disk", FAIL, state, mend)
    if free < settings.cache_gib / 2:
        return Finding("Disk", WARN, f"{state}; the caches may use {settings.cache_gib:g} GiB", mend)
    return Finding("Disk", OK, state)


def database(settings: Settings) -> Finding:
    """The lab's own database: reachable, and at this program's revision."""
    if _not_made_yet(settings.lab_url):
        return Finding("Database", OK, "made at the first start")
    from db.engine import damage_of, known_revisions, newest_revision, revision

    if damage := damage_of(settings.lab_url):
        return Finding("Database", FAIL, f"damaged: {damage}", _way_back(settings))
    present, newest = revision(settings.lab_url), newest_revision()
    if present == newest:
        return Finding("Database", OK, f"at revision {present}")
    if present is not None and present not in known_revisions():
        return Finding("Database", FAIL, f"made by a newer version of the program ({present})", "Update the program.")
    state = f"at the old revision {present}; this program wants {newest}" if present else "empty"
    mend = "Make a copy of the home, then run 'python3 lab.py run': it migrates the database and keeps what is in it."
    return Finding("Database", FAIL, state, mend)


def job_queue(settings: Settings) -> Finding:
    if _not_made_yet(settings.queue_url):
        return Finding("Job queue", OK, "made at the first start")
    from db.engine import damage_of
    from mmdnet.jobs.queue import JobQueue

    if damage := damage_of(settings.queue_url):
        return Finding("Job queue", FAIL, f"damaged: {damage}", _way_back(settings))
    queue = JobQueue(settings.queue_url)
    try:
        queue.check()
    except Exception as error:
        mend = "Run 'python3 lab.py run': it prepares the queue. On PostgreSQL check MMDNET_DATABASE_URL."
        return Finding("Job queue", FAIL, f"does not answer: {_plain(error)}", mend)
    finally:
        queue.close()
    return Finding("Job queue", OK, "answers")


def backup(settings: Settings) -> Finding:
    """The newest backup that was restored on trial, and its age."""
    from mmdnet.backups.manifest import last_verified

    last = last_verified(settings.backup_folder)
    if last is None:
        if _not_made_yet(settings.lab_url):
            return Finding("Backup", OK, "none needed yet")
        return Finding("Backup", WARN, "no verified backup", "Make one with 'mmdnet backup DIR', best on another disk.")
    hours = (datetime.now(UTC) - last[1].moment).total_seconds() / 3600
    state = f"{last[0]}, {hours:.0f} h old"
    if settings.backup_every_h and hours > 2 * settings.backup_every_h + 24:
        return Finding("Backup", WARN, state, "The automatic backup has not worked lately; the worker's log says why.")
    return Finding("Backup", OK, state)


def engines(settings: Settings) -> Finding:
    """What computes features of a frozen backbone on this processor, where that was measured."""
    from mmdnet.nn.engines import all_records, machine, openvino_version
    from mmdnet.settings import ENGINES

    if openvino_version() is None:
        mend = "Run 'python3 lab.py run' once with internet: with OpenVINO a processor computes features faster."
        return Finding("Engines", WARN, "OpenVINO is not installed; torch computes features", mend)
    here = [record for record in all_records(settings.home.resolve() / ENGINES) if record.machine == machine()]
    current = [record.words for record in here if record.engine_version == openvino_version()]
    return Finding("Engines", OK, "; ".join(current) or "compared when the first features are computed")


def slides_by_url(settings: Settings) -> Finding:
    """What the URLs that slides may be fetched from need beside the program; no server is asked."""
    name = "Slides by URL"
    if any(url.scheme == "s3" for url in settings.slide_urls) and importlib.util.find_spec("s3fs") is None:
        mend = "Install s3fs beside the program, without changing what requirements.txt pins. Other slides can be read."
        return Finding(name, WARN, "the package s3fs is missing, so nothing comes from s3://", mend)
    return Finding(name, OK, ", ".join(map(str, settings.slide_urls)))


def _way_back(settings: Settings) -> str:
    """How to come back from a damaged database."""
    from mmdnet.backups.manifest import last_verified

    keep = "End the lab and keep its folder as it is."
    if (last := last_verified(settings.backup_folder)) is None:
        return f"{keep} There is no verified backup; SQLite's own '.recover' may save what is left."
    moment = f"{last[1].moment:%Y-%m-%d %H:%M} UTC"
    return f"{keep} The last verified backup is of {moment}: mmdnet restore {last[0]} --home NEW_FOLDER"


def _not_made_yet(url: str) -> bool:
    file = _sqlite_file(url)
    return file is not None and not file.exists()


def _sqlite_file(url: str) -> Path | None:
    return Path(url.removeprefix("sqlite:///")).resolve() if url.startswith("sqlite:///") else None


def _nearest(path: Path) -> Path:
    """The path itself, or the first folder above it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


def file_system_of(path: Path) -> str:
    """The kind of file system a path lies on, where the system tells (Linux)."""
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return ""
    best, kind = "", ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        point, this = line.split()[1:3]
        inside = point == "/" or path == Path(point) or Path(point) in path.parents
        if inside and len(point) > len(best):
            best, kind = point, this
    return kind


def _plain(error: Exception) -> str:
    """The first line of an error, short enough to read."""
    words = str(error).strip().splitlines()
    return (words[0] if words else type(error).__name__)[:200]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Name what is missing on this machine, and the mend.")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    sys.exit(main(given.home, given.json))
