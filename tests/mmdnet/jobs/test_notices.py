"""Whom the lab tells of a job's end, against a web server and a mail server on this machine."""

import json
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mmdnet.jobs.notices import Notice, channels, send, sender
from mmdnet.settings import Settings

AT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
NOTICE = Notice("a1b2", "train", "done", 3, AT, AT)


@contextmanager
def web_server(*answers):
    """Gives these answers in turn; what was sent to it."""
    heard = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            code = left.pop(0)
            self.send_response(code)
            if code == 302:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook?key=s3cret", heard
        server.shutdown()


@contextmanager
def mail_server(refuses=False):
    """Takes one mail; its lines."""
    heard = []

    def serve():
        asked, _ = server.accept()
        with asked, asked.makefile("rw", newline="\r\n") as talk:

            def say(line):
                talk.write(f"{line}\n")
                talk.flush()

            say("220 ready")
            while line := talk.readline():
                heard.append(line.rstrip())
                word = line[:4].upper().strip()
                if word == "RCPT" and refuses:
                    say("550 nobody here")
                elif word == "DATA":
                    say("354 go on")
                    while (part := talk.readline().rstrip()) != ".":
                        heard.append(part)
                    say("250 taken")
                elif word == "QUIT":
                    say("221 bye")
                    return
                else:
                    say("250 fine")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", heard


def mailing(server):
    return Settings(mail_to="ada@lab.example, lin@lab.example", mail_from="lab@lab.example", mail_server=server, mail_tls="none")  # fmt: skip


def test_a_webhook_hears_numbers_and_times_and_no_name():
    with web_server(500, 204) as (url, heard):
        assert send(Settings(notify_url=url), NOTICE, pauses_s=(0.0,)) == {"webhook": None}
    assert heard[1] == (
        "/hook?key=s3cret",
        {
            "event": "job.ended", "job": "a1b2", "kind": "train", "status": "done", "project": 3,
            "queued_at": "2026-11-28T12:00:00+00:00", "ended_at": "2026-11-28T12:00:00+00:00",
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "tries", "words"), [((404, 200), 1, "404"), ((302, 200), 1, "302"), ((503, 503, 503), 3, "503")]
)
def test_tries_are_bounded_and_a_redirection_is_not_followed(answers, tries, words):
    with web_server(*answers) as (url, heard):
        assert send(Settings(notify_url=url), NOTICE, pauses_s=(0.0, 0.0)) == {"webhook": f"It answered {words}."}
    assert len(heard) == tries


def test_a_web_proxy_is_gone_through_by_tls_alone_and_what_stays_here_goes_past_it(monkeypatch):
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def serve():
            asked, _ = proxy.accept()
            with asked:
                heard.append(asked.recv(4096))
                asked.sendall(b"HTTP/1.1 403 no way out\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        with web_server(204) as (url, _):
            assert send(Settings(notify_url=url), NOTICE, pauses_s=()) == {"webhook": None} and not heard
        said = send(Settings(notify_url="https://chat.lab.example/hook?key=s3cret"), NOTICE, pauses_s=())
    assert said["webhook"].startswith("It could not be reached")
    assert (
        heard[0].startswith(b"CONNECT chat.lab.example:443") and b"s3cret" not in heard[0] and b"a1b2" not in heard[0]
    )


def test_who_cannot_be_reached_is_a_sentence_without_the_address():
    said = send(Settings(notify_url="http://127.0.0.1:1/s3cret"), NOTICE, pauses_s=())
    assert said["webhook"] == "It could not be reached (ConnectionRefusedError)."
    assert send(mailing("127.0.0.1:1"), NOTICE, pauses_s=())["mail"].startswith("The mail server did not take it")


def test_mail_goes_to_each_address_with_the_same_facts():
    with mail_server() as (server, heard):
        assert send(mailing(server), NOTICE, pauses_s=()) == {"mail": None}
    assert [line for line in heard if line.startswith("rcpt")] == ["rcpt TO:<ada@lab.example>", "rcpt TO:<lin@lab.example>"]  # fmt: skip
    assert "Subject: MMD-Net lab: a job is done (train)" in heard and "project: 3" in heard


def test_mail_that_is_refused_is_a_sentence():
    with mail_server(refuses=True) as (server, _):
        assert send(mailing(server), NOTICE, pauses_s=())["mail"].startswith("The mail server did not take it")


def test_a_lab_that_tells_nobody_has_no_sender_and_one_that_does_waits_for_nobody():
    assert channels(Settings()) == {} and sender(Settings()) is None
    arrived = threading.Event()
    with web_server(200) as (url, heard):
        take = sender(Settings(notify_url=url))
        take(NOTICE)
        for _ in range(200):
            if heard:
                break
            arrived.wait(0.02)
    assert len(heard) == 1
