"""What is in a folder of backups is read from their own accounts; what is none is passed over."""

from datetime import UTC, datetime, timedelta

from mmdnet.backups.manifest import FILE, Manifest, backups_in, last_verified, manifest_of

WHOLE = Manifest(
    moment=datetime(2026, 11, 27, tzinfo=UTC), home="/h", revision="0001", automatic=True, slides=False, rows={}, last_hash="", files={}
)  # fmt: skip


def put(folder, name, **changes):
    (folder / name).mkdir(parents=True)
    (folder / name / FILE).write_text(WHOLE.model_copy(update=changes).model_dump_json())
    return folder / name


def test_the_newest_comes_first_and_the_last_verified_one_is_known(tmp_path):
    assert backups_in(tmp_path / "nowhere") == [] and last_verified(tmp_path) is None
    old = put(tmp_path, "mmdnet-1", verified=WHOLE.moment)
    new = put(tmp_path, "mmdnet-2", moment=WHOLE.moment + timedelta(days=1))
    (tmp_path / "mmdnet-3").mkdir()
    (tmp_path / "mmdnet-4").mkdir()
    (tmp_path / "mmdnet-4" / FILE).write_text("{")
    assert [path for path, _ in backups_in(tmp_path)] == [new, old]
    assert last_verified(tmp_path)[0] == old
    assert manifest_of(tmp_path / "mmdnet-4") is None
