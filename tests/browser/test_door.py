"""Through a web server of one's own, under a sub-path and TLS, every page works and asks for nothing outside of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from tests.browser import steps
from tests.browser.drawn import make_label_home
from tests.browser.lab_process import RunningLab, free_port
from tests.browser.test_label_keys import open_canvas
from tests.pages.conftest import fill
from ui.shell.pages import PAGES

pytestmark = pytest.mark.browser
CONFIG = """
daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location /lab/ {{
      proxy_pass http://127.0.0.1:{to};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout 1d;
    }}
    location / {{ return 404; }}
  }}
}}
"""


def program(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"no {name} on this machine")
        pytest.skip(f"no {name} on this machine (Debian: apt-get install nginx-light openssl)")
    return path


@dataclass
class Proxied(RunningLab):
    """A lab as the browser reaches it: by TLS, through the proxy."""

    outer: int = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.outer}{self.base}" if self.outer else super().url


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Proxied]:
    nginx, openssl = program("nginx"), program("openssl")
    folder = tmp_path / "nginx"
    folder.mkdir()
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    keys = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([openssl, *request, *keys], check=True, capture_output=True)
    lab = Proxied(tmp_path / "home", base="/lab")
    lab.home.mkdir()
    server = None
    try:
        port = free_port()
        (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, port=port, to=lab.port))
        server = subprocess.Popen([nginx, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])
        yield lab
    finally:
        lab.stop()
        if server is not None:
            server.terminate()
            server.wait()


def test_every_page_works_behind_a_sub_path_and_tls_and_breaks_no_rule_of_the_door(chromium, proxied: Proxied):
    filled = fill(proxied.home)
    home = make_label_home(proxied.home, project="Labels", reader="Ada")
    proxied.start_app()
    config = (proxied.home.parent / "nginx" / "nginx.conf").read_text()
    proxied.outer = int(config.split("listen 127.0.0.1:")[1].split()[0])
    context = chromium.new_context(ignore_https_errors=True, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    page = context.new_page()
    asked, complaints, missed = [], [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda answer: missed.append(answer.url) if answer.status >= 400 else None)
    page.on("console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None)
    try:
        open_canvas(page, proxied, home, "Ada")
        steps.canvas_ready(page)
        first = steps.patch_shown(page)
        for key in ("3", "2", "1"):
            page.keyboard.press(key)
        steps.next_patch(page, first)
        steps.settled(page)
        page.goto(f"{proxied.url}/slides?project={filled.project}&slide={filled.slides[0]}")
        page.locator(".osd canvas").first.wait_for()
        for entry in PAGES:
            page.goto(f"{proxied.url}/{entry.name}?project={filled.project}&run={filled.run}&score={filled.score}")
            steps.at_rest(page)
    finally:
        time.sleep(0.2)
        context.close()
    assert open_lab(load_settings(home=proxied.home)).labels.record.verify().events >= 1
    assert complaints == []
    outside = [url for url in asked if not url.startswith((f"{proxied.url}/", "blob:", "data:"))]
    assert outside == []
    assert [url for url in missed if "/api/" in url or "viewer" in url] == []


def test_another_page_of_this_machine_gets_no_socket(page, shared_lab: RunningLab):
    """A page of another local port, as any program here could serve one, with the browser's own rules."""
    import http.server
    import threading

    elsewhere = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=elsewhere.serve_forever, daemon=True).start()
    opening = """url => new Promise((go) => {
      const socket = new WebSocket(url)
      socket.onopen = () => go('open'); socket.onerror = () => go('refused')
    })"""
    stream = f"ws://127.0.0.1:{shared_lab.port}/_stcore/stream"
    try:
        page.goto(f"http://127.0.0.1:{elsewhere.server_port}/")
        assert page.evaluate(opening, stream) == "refused"
        page.goto(shared_lab.url)
        steps.at_rest(page)
        assert page.evaluate(opening, stream) == "open"
    finally:
        elsewhere.shutdown()
