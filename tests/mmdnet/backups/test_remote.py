"""A backup at a URL comes back as it was; what is half there, damaged or out of reach is a sentence."""

import json
import socket
import threading

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from mmdnet.backups.manifest import FILE
from mmdnet.backups.remote import backup_to, restore_from, told
from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.settings import Settings


@pytest.fixture(scope="module")
def kept():
    """A store that lives in this process alone."""
    MemoryFileSystem.store.clear()
    return "memory://kept"


def test_a_backup_at_a_url_comes_back_whole_and_nothing_of_it_stays_here(label_bench, home_files, out, kept):
    settings = label_bench.services.settings
    place, manifest = backup_to(settings, kept)
    assert place.startswith(f"{kept}/mmdnet-") and manifest.verified
    assert list((settings.home / "cache").glob("backup-*")) == []
    new = Settings(home=out / "new")
    assert restore_from(place, new) == manifest
    assert (new.home / "models/run-1/weights.safetensors").read_bytes() == b"w" * 5000
    assert open_lab(new).labels.record.verify().last_hash == manifest.last_hash
    assert [path.name for path in out.iterdir()] == ["new"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("change", "not as it was"),
        ("remove", "lacks 1 of its files"),
        ("half sent", "no backup"),
        ("outside", "no backup"),
    ],
)
def test_a_backup_there_that_is_not_whole_leaves_no_lab(label_bench, home_files, out, kept, spoil, words):
    place, _ = backup_to(label_bench.services.settings, kept)
    system, path = MemoryFileSystem(), place.removeprefix("memory://")
    weights = f"{path}/home/models/run-1/weights.safetensors"
    if spoil == "change":
        system.pipe_file(weights, b"v" * 5000)
    elif spoil == "remove":
        system.rm_file(weights)
    elif spoil == "half sent":
        system.rm_file(f"{path}/{FILE}")
    else:
        account = json.loads(system.cat_file(f"{path}/{FILE}"))
        account["files"]["home/../../outside"] = next(iter(account["files"].values()))
        system.pipe_file(f"{path}/{FILE}", json.dumps(account).encode())
    with pytest.raises(LabError, match=words):
        restore_from(place, Settings(home=out / "new"))
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["nothing://there", "sftp://127.0.0.1:1/lab", "ftp://127.0.0.1:1/lab", "file:///proc/none/lab"]
)
def test_a_url_that_cannot_be_used_is_a_sentence(label_bench, url):
    with pytest.raises(LabError, match=rf"{url} cannot be .*Nothing was changed"):
        backup_to(label_bench.services.settings, url)


def test_a_server_that_refuses_the_password_is_a_sentence_without_it(label_bench):
    def refuse():
        asked, _ = server.accept()
        with asked, asked.makefile("rw", newline="\r\n") as lines:
            for answer in ("220 ready", "331 password", "530 Login incorrect."):
                lines.write(f"{answer}\n")
                lines.flush()
                lines.readline()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=refuse, daemon=True).start()
        url = f"ftp://ada:secret@127.0.0.1:{server.getsockname()[1]}/lab"
        with pytest.raises(LabError, match=r"ada:…@.* cannot be read or written: 530 Login incorrect") as refused:
            backup_to(label_bench.services.settings, url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("package", ["paramiko.ssh_exception", "botocore.exceptions", "aiohttp.client_exceptions"])
def test_what_a_file_systems_own_package_raises_is_a_sentence_without_the_password(label_bench, monkeypatch, package):
    refusal = type("Refused", (Exception,), {"__module__": package})

    def refuse(*_, **__):
        raise refusal("Authentication of ada:secret failed.")

    monkeypatch.setattr(MemoryFileSystem, "makedirs", refuse)
    with pytest.raises(LabError, match=r"cannot be read or written: Authentication of ada:… failed\. Nothing") as said:
        backup_to(label_bench.services.settings, "memory://ada:secret@host/lab")
    assert "secret" not in str(said.value)


def test_a_fault_of_the_program_stays_one(label_bench, monkeypatch):
    monkeypatch.setattr(MemoryFileSystem, "makedirs", lambda *_, **__: {}["missing"])
    with pytest.raises(KeyError):
        backup_to(label_bench.services.settings, "memory://kept")


def test_a_new_home_may_lie_in_a_folder_that_is_not_there_yet(label_bench, home_files, out, kept):
    place, manifest = backup_to(label_bench.services.settings, kept)
    assert restore_from(place, Settings(home=out / "labs" / "new")) == manifest


def test_a_password_in_a_url_is_not_shown():
    assert told("ftp://ada:secret@host/lab") == "ftp://ada:…@host/lab"
