"""A backup is made when the newest is old enough, by one worker, and never where it is switched off."""

from datetime import UTC, datetime, timedelta

from mmdnet.backups.daily import is_due, make_due
from mmdnet.backups.manifest import backups_in
from mmdnet.jobs.lease import lock_slot


def test_a_backup_is_due_once_a_day_and_made_by_one_worker(label_bench, capsys):
    settings = label_bench.services.settings.model_copy(update={"backup_every_h": 24.0})
    assert is_due(settings)
    with lock_slot(settings.folder("locks"), "backup"):
        make_due(settings)
    assert backups_in(settings.backup_folder) == []
    make_due(settings)
    ((_, manifest),) = backups_in(settings.backup_folder)
    assert manifest.automatic and manifest.verified and not manifest.slides
    assert capsys.readouterr().err == ""
    assert not is_due(settings)
    assert is_due(settings, datetime.now(UTC) + timedelta(hours=25))
    assert not is_due(settings.model_copy(update={"backup_every_h": 0.0}), datetime.now(UTC) + timedelta(days=9))
