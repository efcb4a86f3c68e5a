"""Making, verifying, restoring and clearing backups."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from db.engine import damage_of, known_revisions, newest_revision
from mmdnet.backups.databases import copy_in, copy_out, move_paths, rows_of, trial_settings
from mmdnet.backups.manifest import DATABASES, FILE, HOME, PREFIX, Manifest, StoredFile, backups_in, manifest_of
from mmdnet.errors import LabError
from mmdnet.files import sha256_of, write_aside
from mmdnet.progress import Progress, silent
from mmdnet.settings import COPIES, SLIDES_IN_HOME, Settings

MADE_AGAIN = {"backbones", "cache", "logs", "locks", "backups", COPIES}  # folders of the home no backup needs
LIVE = ("lab.sqlite", "jobs.sqlite")
NOT_KEPT = ("lab.lock",)


def make_backup(
    settings: Settings, folder: Path, slides: bool = True, automatic: bool = False, step: Progress = silent
) -> tuple[Path, Manifest]:
    """Write a backup into a folder of its own below `folder` and restore it on trial; its place and its account.

    People may go on labelling. Files that did not change since the last backup there are linked, not copied.

    Args:
        slides: also slides that lie in the lab's home (uploads, tiles); those registered from elsewhere never are.
        automatic: made by the program; only such are cleared by it.

    Raises:
        LabError: it cannot be written, or restoring it on trial shows that it is not whole; then nothing is left.
    """
    folder = folder.expanduser().resolve()
    moment = datetime.now(UTC)
    aside = folder / f".{PREFIX}{moment:%Y%m%dT%H%M%S%fZ}"
    try:
        aside.mkdir(parents=True, mode=0o700)
        step(0.0, "Copying the databases")
        copy_out(settings, aside / DATABASES)
        before = next(iter(backups_in(folder)), None)
        files = dict(_copied(aside, settings.home.resolve(), before, slides, step))
        step(0.6, "Restoring on trial")
        whole = _account(aside, settings, moment, files, slides, automatic)
        write_aside(aside / FILE, whole.model_dump_json(indent=1))
        target = folder / aside.name.removeprefix(".")
        aside.replace(target)
        return target, whole
    except OSError as error:
        raise LabError(f"The backup cannot be written to {folder}: {error.strerror}. Nothing was changed.") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def restore_backup(backup: Path, settings: Settings) -> Manifest:
    """Put a backup in the place that the settings name: an empty home, and on PostgreSQL an empty database.

    Raises:
        LabError: it is no whole backup, of a newer program, or the place is not empty. Nothing was changed.
    """
    backup = backup.expanduser().resolve()
    manifest = _checked(backup)
    home = settings.home.resolve()
    if home.exists() and any(home.iterdir()):
        raise LabError(f"{home} is not empty. Choose a new folder with --home; no lab is ever overwritten.")
    try:
        _put(backup, manifest, settings, link=False)
    except BaseException as problem:
        shutil.rmtree(home, ignore_errors=True)  # it was empty, or not there
        if isinstance(problem, LabError):
            raise LabError(f"{problem} Nothing was restored; try an older backup, or another copy of it.") from problem
        raise
    return manifest


def clear_old(folder: Path, keep: int) -> list[Path]:
    """Remove automatic backups but the newest `keep`, and never the last verified one; the removed ones."""
    made = [(path, manifest) for path, manifest in backups_in(folder) if manifest.automatic]
    last = next((path for path, manifest in made if manifest.verified), None)
    old = [path for path, _ in made[keep:] if path != last]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return old


def _account(
    aside: Path, settings: Settings, moment: datetime, files: dict[str, StoredFile], slides: bool, automatic: bool
) -> Manifest:
    """Restore the backup into a temporary home, look at it as the program does, and say what it holds.

    Raises:
        LabError: it cannot be opened, its record is broken, or a file is missing.
    """
    written = Manifest(
        moment=moment,
        home=str(settings.home.resolve()),
        revision=newest_revision(),
        automatic=automatic,
        slides=slides,
        rows={},
        last_hash="",
        files=files,
    )
    with tempfile.TemporaryDirectory(dir=aside, prefix="trial-") as folder:
        home = Path(folder) / "home"
        try:
            with trial_settings(aside / DATABASES, home, settings) as trial:
                _put(aside, written, trial, link=True)
                rows, last_hash = _looked_at(trial)
        except LabError as refusal:
            if (aside / DATABASES / LIVE[0]).exists():
                raise LabError(f"The backup is not whole: {refusal} It was not kept; ask 'mmdnet doctor'.") from refusal
            return written.model_copy(update={"doubt": f"It was not restored on trial: {refusal}."})
    told = {"rows": rows, "last_hash": last_hash, "verified": datetime.now(UTC)}
    return written.model_copy(update=told)


def _looked_at(trial: Settings) -> tuple[dict[str, int], str]:
    """Rows and newest hash of a restored lab whose record is intact."""
    from mmdnet.lab import open_lab

    lab = open_lab(trial)
    for verdict in lab.labels.record.verify_all():
        if not verdict.intact:
            raise LabError(f"its record is broken at event {verdict.broken_id}: {verdict.reason}.")
    state = lab.labels.record.state()
    lab.db.kw["bind"].dispose()
    return rows_of(trial.lab_url), state


def _put(backup: Path, manifest: Manifest, settings: Settings, link: bool) -> None:
    """Files first, each compared with its hash; then the databases, whose paths are led to the new home."""
    home = settings.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    for name, known in manifest.files.items():
        source = backup / name
        if sha256_of(source) != known.sha256:
            raise LabError(f"{name} is not as it was when it was backed up.")
        if name.startswith(f"{HOME}/"):
            target = home / name.removeprefix(f"{HOME}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            _place(source, target, link)
    for name in LIVE:
        file = backup / DATABASES / name
        if file.exists() and (damage := damage_of(f"sqlite:///{file}")):
            raise LabError(f"{name} is damaged ({damage}).")
    copy_in(backup / DATABASES, settings)
    move_paths(settings.lab_url, Path(manifest.home), home)


def _checked(backup: Path) -> Manifest:
    manifest = manifest_of(backup)
    if manifest is None:
        raise LabError(f"{backup} is no backup of a lab: it has no {FILE} that can be read. Nothing was changed.")
    if manifest.revision not in known_revisions():
        raise LabError("This backup was made by a newer version of the program. Update it; nothing was changed.")
    missing = [name for name in manifest.files if not (backup / name).is_file()]
    if missing:
        raise LabError(f"The backup lacks {len(missing)} of its files, {missing[0]} first. Nothing was changed.")
    return manifest


def _copied(
    aside: Path, home: Path, before: tuple[Path, Manifest] | None, slides: bool, step: Progress
) -> Iterator[tuple[str, StoredFile]]:
    """Every file of the backup by its place in it."""
    for file in sorted((aside / DATABASES).iterdir()):
        yield f"{DATABASES}/{file.name}", _stored(file, file.stat())
    files = [file for file in _kept_files(home, slides) if not file.is_relative_to(aside.parent)]
    for count, file in enumerate(files):
        name = f"{HOME}/{file.relative_to(home).as_posix()}"
        step(0.1 + 0.5 * count / len(files), f"Copying {file.name}")
        target = aside / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            facts = file.stat()
            known = before[1].files.get(name) if before else None
            if before and known and (known.size, known.mtime_ns) == (facts.st_size, facts.st_mtime_ns):
                _place(before[0] / name, target, link=True)
                yield name, known
            else:
                shutil.copyfile(file, target)
                yield name, _stored(target, facts)
        except FileNotFoundError:  # a job has just taken it away
            target.unlink(missing_ok=True)


def _kept_files(home: Path, slides: bool) -> Iterator[Path]:
    left_out = MADE_AGAIN | (set() if slides else set(SLIDES_IN_HOME))
    for top in sorted(home.iterdir()):
        if top.name in left_out or top.name in NOT_KEPT or top.name.startswith(LIVE) or top.is_symlink():
            continue
        for file in [top] if top.is_file() else sorted(top.rglob("*")):
            if stat.S_ISREG(file.lstat().st_mode if file.exists() else 0):
                yield file


def _stored(copy: Path, original: os.stat_result) -> StoredFile:
    return StoredFile(sha256=sha256_of(copy), size=copy.stat().st_size, mtime_ns=original.st_mtime_ns)


def _place(source: Path, target: Path, link: bool) -> None:
    if link:
        try:
            target.hardlink_to(source)
            return
        except OSError:  # another disk, or one that knows no links
            pass
    shutil.copyfile(source, target)
