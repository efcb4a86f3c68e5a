"""A backup made while people label holds every label given before it, and comes back whole or not at all."""

import json
import sqlite3
import threading
import time
from datetime import UTC, datetime

import pytest

from db.engine import make_engine
from mmdnet.backups.backup import clear_old, make_backup, restore_backup
from mmdnet.backups.manifest import backups_in, last_verified
from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import Settings
from mmdnet.workflows.labelling.views import PatchGrades


@pytest.fixture
def settings(label_bench, home_files):
    return label_bench.services.settings


def label(bench, patch, grade=1):
    bench.labels.acts.put_many(bench.project, bench.readers[0], [PatchGrades(patch, Grades(steatosis=grade))])


def test_every_label_acknowledged_before_the_backup_is_in_it_while_labelling_goes_on(label_bench, settings, out):
    patches = [patch for own in label_bench.patches.values() for patch in own]
    given, stop = [], threading.Event()

    def go_on():
        for count in range(10_000):
            if stop.is_set():
                return
            label(label_bench, patches[count % len(patches)], count % 4)
            given.append(datetime.now(UTC))

    reader = threading.Thread(target=go_on)
    reader.start()
    try:
        while len(given) < 5:
            time.sleep(0.01)
        place, manifest = make_backup(settings, out / "kept")
    finally:
        stop.set()
        reader.join()
    assert manifest.verified and last_verified(out / "kept")[0] == place
    elsewhere = Settings(home=out / "elsewhere")
    restore_backup(place, elsewhere)
    lab = open_lab(elsewhere)
    verdict = lab.labels.record.verify()
    assert verdict.intact and verdict.last_hash == manifest.last_hash
    assert verdict.events == manifest.rows["label_events"] >= sum(moment < manifest.moment for moment in given) >= 5
    assert (elsewhere.home / "models/run-1/weights.safetensors").read_bytes() == b"w" * 5000
    assert (elsewhere.home / "secret.key").read_bytes() == b"k" * 32
    assert (elsewhere.home / "uploads/a.svs").exists()
    assert not (elsewhere.home / "cache" / "big").exists() and not (elsewhere.home / "logs").exists()


def test_slides_in_the_home_can_be_left_out_and_unchanged_files_are_kept_once(settings, out):
    first, _ = make_backup(settings, out / "kept", slides=False)
    second, manifest = make_backup(settings, out / "kept", slides=False)
    assert not any("uploads" in name for name in manifest.files)
    weights = "home/models/run-1/weights.safetensors"
    assert (first / weights).samefile(second / weights)
    assert [path for path, _ in backups_in(out / "kept")] == [second, first]


def test_paths_into_the_home_lead_into_the_new_one(label_bench, settings, out):
    inside, outside = settings.home.resolve() / "uploads" / "a.svs", "/slides/b.svs"
    with make_engine(settings.lab_url).begin() as connection:
        for path, slide in ((str(inside), label_bench.slides[0]), (outside, label_bench.slides[1])):
            connection.exec_driver_sql("UPDATE slides SET path = ? WHERE id = ?", (path, slide))
    place, _ = make_backup(settings, out / "kept")
    new = Settings(home=out / "new")
    restore_backup(place, new)
    with make_engine(new.lab_url).connect() as connection:
        paths = set(connection.exec_driver_sql("SELECT path FROM slides").scalars())
    assert paths == {str(out / "new" / "uploads" / "a.svs"), outside}


@pytest.mark.parametrize("spoil", ["change", "remove", "newer", "none"])
def test_a_backup_that_is_not_whole_or_too_new_leaves_no_lab(settings, out, spoil):
    place, _ = make_backup(settings, out / "kept")
    weights = place / "home/models/run-1/weights.safetensors"
    words = "not as it was.*Nothing was restored"
    if spoil == "change":
        weights.write_bytes(b"v" * 5000)
    elif spoil == "remove":
        weights.unlink()
        words = "lacks 1 of its files"
    elif spoil == "newer":
        told = json.loads((place / "manifest.json").read_text())
        (place / "manifest.json").write_text(json.dumps(told | {"revision": "9999"}))
        words = "newer version"
    else:
        (place / "manifest.json").write_text("{}")
        words = "no backup of a lab"
    with pytest.raises(LabError, match=words):
        restore_backup(place, Settings(home=out / "new"))
    assert not (out / "new").exists()


def test_a_lab_that_is_there_is_never_overwritten(settings, out):
    place, _ = make_backup(settings, out / "kept")
    with pytest.raises(LabError, match="not empty"):
        restore_backup(place, settings)


def test_a_record_that_was_tampered_with_makes_no_backup(label_bench, settings, out):
    label(label_bench, label_bench.patches[label_bench.slides[0]][0])
    with sqlite3.connect(settings.home / "lab.sqlite") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE label_events SET steatosis = 3")
    with pytest.raises(LabError, match="record is broken"):
        make_backup(settings, out / "kept")
    assert list((out / "kept").iterdir()) == []


def test_only_automatic_backups_are_cleared_and_the_newest_stay(settings, out):
    kept = out / "kept"
    by_hand, _ = make_backup(settings, kept)
    made = [make_backup(settings, kept, automatic=True)[0] for _ in range(3)]
    assert clear_old(kept, keep=2) == made[:1]
    assert {path for path, _ in backups_in(kept)} == {by_hand, *made[1:]}
