"""Decoded patches are kept within the limit, what is in use stays, and what is damaged is found."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from mmdnet.lab import open_lab
from mmdnet.progress import silent
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.slides.stores.patches import PIXELS
from mmdnet.workflows.slides.stores import feature_stores, store_folder
from mmdnet.workflows.training.pixels import PatchPixels

TINY_GIB = 1e-6


@pytest.fixture
def ids(lab, tissue_png):
    """Patches of three slides, by slide."""
    project = lab.projects.create("Test").id
    outcomes = [lab.slides.register(project, tissue_png(f"{n}.png", 600, n), StatedFacts(mpp=0.5))[0] for n in range(3)]
    return [[patch.id for patch in lab.slides.patches(outcome.slide_id)][:2] for outcome in outcomes]


def decode(lab, patch_ids):
    with lab.db() as session:
        return PatchPixels.of(session, lab.settings, patch_ids, silent)


def tight(lab):
    return open_lab(Settings(home=lab.settings.home, cache_gib=TINY_GIB))


def age(lab, key, seconds):
    os.utime(store_folder(lab.settings) / key, (time.time() - seconds,) * 2)


def test_what_was_decoded_is_listed_the_longest_unused_first(lab, ids):
    assert lab.store.list() == []
    for patch_ids in ids:
        decode(lab, patch_ids)
    for number, entry in enumerate(lab.store.list()):
        age(lab, entry.key, 100 * int(entry.slide[0]) + number / 100)
    assert [entry.slide for entry in lab.store.list()] == ["2.png", "1.png", "0.png"]
    assert {(entry.patches, entry.in_use, entry.fault) for entry in lab.store.list()} == {(2, False, None)}
    assert lab.store.prune() == []  # 20 GiB is enough for them


def test_a_training_keeps_its_own_patches_and_those_in_use_and_the_oldest_others_go(lab, ids):
    kept = decode(lab, ids[0])
    decode(lab, ids[1])
    mine = decode(tight(lab), ids[2])
    assert sorted(entry.slide for entry in lab.store.list()) == ["0.png", "2.png"]
    assert all(entry.in_use for entry in lab.store.list())
    assert kept.read([0, 1]).shape == mine.read([1, 0]).shape == (2, 299, 299, 3)
    del kept, mine
    assert len(tight(lab).store.prune()) == 2 and lab.store.list() == []


def test_a_store_another_process_reads_is_not_pruned(lab, ids):
    decode(lab, ids[0])
    (entry,) = lab.store.list()
    reading = (
        "import sys, pathlib, mmdnet.slides.stores.patches as s; it = s.StoredPatches(pathlib.Path(sys.argv[1])); "
        "print(len(it), flush=True); input()"
    )
    command = [sys.executable, "-c", reading, str(store_folder(lab.settings) / entry.key)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline().strip() == b"2"
        assert lab.store.list()[0].in_use and tight(lab).store.prune() == []
        other.kill()
    assert [kept.key for kept in tight(lab).store.prune()] == [entry.key]


def test_one_flipped_bit_is_found_and_the_store_pruned_and_made_again(lab, ids):
    true = decode(lab, ids[0]).read([0])
    (entry,) = lab.store.verify()
    assert entry.fault is None
    pixels = store_folder(lab.settings) / entry.key / PIXELS
    data = bytearray(pixels.read_bytes())
    data[1000] ^= 1
    pixels.write_bytes(data)
    assert lab.store.list()[0].fault is None and "damaged" in lab.store.verify()[0].fault
    assert [kept.key for kept in lab.store.prune()] == [entry.key]
    assert (decode(lab, ids[0]).read([0]) == true).all()


def test_what_broken_off_writing_left_goes_after_a_day(lab):
    folder = store_folder(lab.settings)
    old, new = folder / "a.1.2.part", folder / "b.1.2.part"
    for part in (old, new):
        part.mkdir(parents=True)
    os.utime(old, (1, 1))
    lab.store.prune()
    assert new.is_dir() and not old.exists()


def test_features_are_listed_verified_and_kept_to_their_part_of_the_limit(lab):
    (store, _), limit = feature_stores(lab.settings), lab.store.limit_bytes
    for number in range(3):
        store.save(f"key{number}", np.ones((100, 8)), {"slide": f"{number}.svs"})
        os.utime(store.path(f"key{number}"), (number, number))
    assert [(kept.slide, kept.patches, kept.kind) for kept in lab.store.list()] == [
        (f"{number}.svs", 100, "features") for number in range(3)
    ]
    data = bytearray(store.path("key2").read_bytes())
    data[-1] ^= 1
    store.path("key2").write_bytes(data)
    assert [kept.slide for kept in lab.store.verify() if kept.fault] == [""]
    assert [kept.key for kept in lab.store.prune()] == ["key2"]
    store.load("key0")  # used now
    size = store.path("key0").stat().st_size
    small = open_lab(Settings(home=lab.settings.home, cache_gib=8 * size * 1.5 / 2**30))
    assert small.store.limit_bytes < limit
    assert [kept.key for kept in small.store.prune()] == ["key1"]
    assert sorted(file.name for file in store.folder.iterdir()) == ["key0.json", "key0.safetensors"]
