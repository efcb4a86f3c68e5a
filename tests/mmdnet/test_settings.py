import os

import pytest

from mmdnet.errors import LabError
from mmdnet.settings import DEMO_MODEL, Settings, keep_private, load_settings


def test_settings_come_from_the_environment_and_what_is_given_wins(tmp_path, monkeypatch):
    monkeypatch.setenv("MMDNET_CACHE_GIB", "3.5")
    monkeypatch.setenv("MMDNET_SLIDE_ROOTS", os.pathsep.join(["/slides", "/more"]))
    settings = load_settings(home=tmp_path)
    assert settings.cache_gib == 3.5 and settings.home == tmp_path
    assert [str(root) for root in settings.slide_roots] == ["/slides", "/more"]
    assert load_settings(home=tmp_path, cache_gib=1).cache_gib == 1


def test_backups_lie_in_the_home_or_where_they_are_said_to(tmp_path, monkeypatch):
    assert load_settings(home=tmp_path).backup_folder == tmp_path.resolve() / "backups"
    for name, value in {"MMDNET_BACKUP_DIR": "/kept", "MMDNET_BACKUP_KEEP": "3", "MMDNET_BACKUP_EVERY_H": "0"}.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(home=tmp_path)
    assert (str(settings.backup_folder), settings.backup_keep, settings.backup_every_h) == ("/kept", 3, 0.0)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [("MMDNET_CASHE_GIB", "3", "no setting called MMDNET_CASHE_GIB"), ("MMDNET_CACHE_GIB", "-1", "cache_gib")],
)
def test_a_misspelt_or_impossible_setting_is_refused_by_name(name, value, why, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(LabError, match=why):
        load_settings()


def test_both_databases_lie_in_the_home_or_where_they_are_said_to(tmp_path):
    settings = Settings(home=tmp_path)
    assert settings.lab_url == f"sqlite:///{tmp_path.resolve() / 'lab.sqlite'}"
    assert settings.queue_url == f"sqlite:///{tmp_path.resolve() / 'jobs.sqlite'}"
    shared = Settings(home=tmp_path, database_url="postgresql://host/lab")
    assert shared.lab_url == shared.queue_url == "postgresql://host/lab"
    other_file = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'other.sqlite'}")
    assert other_file.queue_url == settings.queue_url  # a file of its own there, too
    assert Settings(database_url="postgresql://host/lab", jobs_url="sqlite:///jobs").queue_url == "sqlite:///jobs"


def test_a_folder_is_made_when_it_is_asked_for(tmp_path):
    settings = Settings(home=tmp_path / "home")
    assert not settings.home.exists()
    assert settings.folder("runs").is_dir()


def test_the_demo_model_comes_with_the_program():
    assert {"card.json", "weights.safetensors"} <= {path.name for path in DEMO_MODEL.iterdir()}


def test_pages_read_slides_from_named_folders_or_from_the_labs_own(tmp_path):
    assert Settings(home=tmp_path).for_pages().slide_roots == (tmp_path / "slides",)
    named = Settings(home=tmp_path, slide_roots=(tmp_path / "x",))
    assert named.for_pages().slide_roots == named.slide_roots
    assert (named.fetch_wait_s, named.for_pages().fetch_wait_s) == (None, 3.0)


def test_nobody_else_gets_into_the_home(tmp_path):
    settings = Settings(home=tmp_path / "home")
    keep_private(settings)  # not there yet
    settings.home.mkdir(mode=0o755)
    (settings.home / "lab.sqlite").write_bytes(b"")
    keep_private(settings)
    modes = [path.stat().st_mode & 0o777 for path in (settings.home, settings.home / "lab.sqlite")]
    assert modes == [0o700, 0o600]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"NOTIFY_URL": "http://example.org/x"}, "notify_url cannot be used: it must be an address of https"),
        ({"NOTIFY_URL": "https://[::1"}, "must be an address of https"),
        ({"MAIL_TO": "ada"}, "mail_to cannot be used: it is no mail address"),
        ({"MAIL_TO": "a@b\nBcc: c@d"}, "no mail address"),
        ({"MAIL_TO": "a@b"}, "needs a mail_from and a mail_server"),
        ({"MAIL_SERVER": "mail.example:x"}, "HOST or HOST:PORT"),
        ({"MAIL_SERVER": "mail.example", "MAIL_TLS": "none"}, "to another machine goes by TLS"),
    ],
)
def test_ways_to_tell_people_that_are_open_or_not_whole_are_refused(given, words, monkeypatch):
    for name, value in given.items():
        monkeypatch.setenv(f"MMDNET_{name}", value)
    with pytest.raises(LabError, match=words):
        load_settings()


def test_secrets_of_the_ways_to_tell_people_are_not_printed():
    assert "s3cret" not in repr(Settings(notify_url="https://h.example/s3cret", mail_password="s3cret"))
    assert Settings(mail_server="[::1]:2525", mail_tls="none").mail_place == ("::1", 2525)
    assert Settings(mail_server="mail.example").mail_place == ("mail.example", 587)


@pytest.mark.parametrize("url", ["http://elsewhere/slides", "ftp://a/b", "s3://b/../c", "https://user:pw@host/x"])
def test_a_url_of_slides_that_is_none_or_would_come_in_the_clear_is_refused(tmp_path, monkeypatch, url):
    monkeypatch.setenv("MMDNET_SLIDE_URLS", f"s3://bucket/liver,{url}")
    with pytest.raises(LabError, match=r"slide_urls cannot be used: .*(no URL|in the clear)"):
        load_settings(home=tmp_path)
    monkeypatch.setenv("MMDNET_SLIDE_URLS", "s3://bucket/liver, http://127.0.0.1:9000/x")
    settings = load_settings()
    assert list(map(str, settings.slide_urls)) == ["s3://bucket/liver", "http://127.0.0.1:9000/x"]
    assert Settings(**settings.model_dump(mode="json")) == settings  # so a job's process is told them
