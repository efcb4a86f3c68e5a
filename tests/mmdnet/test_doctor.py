"""The doctor on machines that lack something."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from db.engine import migrate
from mmdnet import doctor
from mmdnet.backups.backup import make_backup
from mmdnet.doctor import FAIL, OK, WARN
from mmdnet.jobs.queue import JobQueue
from mmdnet.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def disk_of(free_gib: float) -> tuple[int, int, int]:
    """What the system says of a disk with so much free."""
    return namedtuple("usage", "total used free")(0, 0, int(free_gib * doctor.GIB))


@pytest.fixture
def used(settings: Settings) -> Settings:
    """A home whose databases are up to date."""
    migrate(settings.lab_url)
    JobQueue(settings.queue_url).prepare()
    return settings


def test_a_new_lab_is_well_and_stays_unmade(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "file_system_of", lambda path: "ext4")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: disk_of(500))
    checks = (doctor.home_folder, doctor.disk, doctor.database, doctor.job_queue)
    assert [(check(settings).status, check(settings).mend) for check in checks] == [(OK, "")] * 4
    assert "made at the first start" in doctor.home_folder(settings).found
    assert not settings.home.exists()


def test_a_used_lab_is_well(used: Settings) -> None:
    assert doctor.database(used).status == OK
    assert doctor.job_queue(used).status == OK


def test_an_old_database_is_named_with_the_command_that_migrates_it(used: Settings) -> None:
    with sqlite3.connect(used.home / "lab.sqlite") as connection:
        connection.execute("DELETE FROM alembic_version")
    finding = doctor.database(used)
    assert finding.status == FAIL
    assert "lab.py run" in finding.mend and "migrate" in finding.mend


def test_a_newer_database_asks_for_a_newer_program(used: Settings) -> None:
    with sqlite3.connect(used.home / "lab.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffff'")
    assert doctor.database(used).mend == "Update the program."


def test_a_damaged_database_is_a_finding_and_no_traceback(used: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("lab.sqlite", "jobs.sqlite"):
        (used.home / name).write_bytes(b"no database" * 100)
    assert doctor.main(used.home, as_json=True) == 1
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["Database"]["status"] == FAIL
    assert findings["Job queue"]["status"] == FAIL
    assert "no verified backup" in findings["Database"]["mend"]


def test_spoilt_pages_are_found_and_the_way_to_the_last_backup_is_said(used: Settings) -> None:
    assert doctor.backup(used).status == WARN
    place, _ = make_backup(used, used.backup_folder)
    assert doctor.backup(used).status == OK
    content = bytearray((used.home / "lab.sqlite").read_bytes())
    content[8 * 4096 : 12 * 4096] = b"\xff" * (4 * 4096)
    (used.home / "lab.sqlite").write_bytes(content)
    finding = doctor.database(used)
    assert finding.status == FAIL and "damaged" in finding.found
    assert f"mmdnet restore {place}" in finding.mend


def test_a_home_that_is_a_file_or_cannot_be_written_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.home.write_text("")
    assert doctor.home_folder(settings).status == FAIL
    settings.home.unlink()

    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    finding = doctor.home_folder(settings)
    assert (finding.status, "--home" in finding.mend, "Read-only" in finding.found) == (FAIL, True, True)


def test_a_home_on_a_network_drive_is_warned_of(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "file_system_of", lambda path: "nfs4")
    assert doctor.home_folder(settings).status == WARN


@pytest.mark.parametrize(("free_gib", "status"), [(0.5, FAIL), (5, WARN), (500, OK)])
def test_a_full_disk_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, free_gib: float, status: str
) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: disk_of(free_gib))
    assert doctor.disk(settings).status == status


def test_missing_programs_are_named_with_their_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert doctor.browser().status == WARN and "apt install chromium" in doctor.browser().mend
    for name in ("package.json", "requirements.txt"):
        shutil.copy(doctor.ROOT / name, tmp_path)
    (tmp_path / "requirements.txt").write_text("numpy==0.1\nno-such-package==1.0\n")
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    assert doctor.viewer().status == WARN and "npm ci" in doctor.viewer().mend
    finding = doctor.packages()
    assert finding.status == FAIL and "no-such-package" in finding.found
    (tmp_path / "requirements.txt").write_text("numpy==0.1\n")
    assert doctor.packages().status == WARN


def test_s3_without_its_package_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    named = Settings(home=settings.home, slide_urls="s3://bucket/liver, https://host/x")
    assert (doctor.slides_by_url(named).status, "s3fs" in doctor.slides_by_url(named).mend) == (WARN, True)
    assert doctor.slides_by_url(Settings(home=settings.home, slide_urls="https://host/x")).status == OK


def test_libraries_that_do_not_load_fail_with_their_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    assert doctor.torch().status == FAIL and "torchvision::nms" in doctor.torch().found
    assert doctor.openslide().status == FAIL


def test_the_doctor_runs_where_no_package_is_installed(tmp_path: Path) -> None:
    bare = [sys.executable, "-S", "-m", "mmdnet.doctor", "--json", "--home", str(tmp_path)]
    done = subprocess.run(bare, cwd=doctor.ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert not report["ok"]
    assert {finding["name"] for finding in report["findings"] if finding["status"] == FAIL} >= {
        "Packages",
        "Network library",
    }


def test_every_pin_of_the_product_is_read() -> None:
    pins = dict(doctor.pinned_packages((doctor.ROOT / "requirements.txt").read_text()))
    assert pins["torch"] == "2.15.0" and pins["psycopg"] and "triton" not in pins


def test_engines_are_told_as_they_were_measured_here(settings: Settings) -> None:
    from mmdnet.nn.engines import EngineRecord, machine, openvino_version
    from mmdnet.settings import ENGINES

    assert "compared when" in doctor.engines(settings).found
    folder = settings.home / ENGINES
    folder.mkdir(parents=True)
    facts = {
        "features_sha256": "a",
        "side_px": 299,
        "torch_version": "2",
        "reason": "the same",
        "cosine": {},
        "patches": 16,
    }
    for name, place in (("here", machine()), ("elsewhere", "another processor")):
        record = EngineRecord(
            backbone=name,
            machine=place,
            engine_version=openvino_version(),
            chosen="OpenVINO",
            ms={"torch": 70},
            **facts,
        )
        (folder / f"{name}.json").write_text(record.model_dump_json())
    finding = doctor.engines(settings)
    assert (finding.status, finding.found) == (OK, "here: OpenVINO (torch 70 ms a patch; the same)")


def test_a_machine_without_openvino_is_told_what_it_would_gain(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmdnet.nn.engines.openvino_version", lambda: None)
    assert doctor.engines(settings).status == WARN
