"""The files of deploy/ name what is there, and the programs that read them take them as they are."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
import typer
import yaml

from mmdnet.cli import app as cli
from mmdnet.settings import PROJECT_ROOT, Settings
from ui.server.door import why_not_here

DEPLOY = PROJECT_ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file())
PINNED = re.compile(r"[\w./-]+:\d+\.\d+(\.\d+)?(-[\w.-]+)?")


@cache
def services() -> dict[str, dict]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]


def commands() -> list[list[str]]:
    """Every command of the lab that a file of the folder gives, as its words."""
    texts = [path.read_text() for path in FILES]
    given = [re.findall(r"(?:bin/|app )mmdnet (.+)", text) for text in texts]
    words = [line.split() for lines in given for line in lines]
    return words + [each["command"][1:] for each in services().values() if each.get("command", [""])[0] == "mmdnet"]


def program(name: str) -> str:
    return shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") or pytest.skip(f"no {name} on this machine")


def test_images_have_a_fixed_version() -> None:
    used = [each["image"] for each in services().values()]
    used += re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert len(used) >= 6 and [image for image in used if not PINNED.fullmatch(image)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_setting_it_names_is_one(path: Path) -> None:
    named = set(re.findall(r"MMDNET_([A-Z_]+)\b", path.read_text())) - {"NAME"}
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_every_command_and_option_is_one() -> None:
    top = typer.main.get_command(cli)
    assert len(commands()) >= 5
    for words in commands():
        command, rest = top, list(words)
        while hasattr(command, "commands"):
            command = command.commands[rest.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, words


def test_what_the_image_copies_is_there() -> None:
    lines = re.findall(r"^COPY (.+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    sources = [name for line in lines for name in line.split()[:-1]]
    assert sources and [name for name in sources if not (PROJECT_ROOT / name).exists()] == []


def test_the_app_may_listen_beyond_its_machine_once_there_is_an_account() -> None:
    app = services()["app"]
    hosts = re.sub(r"\$\{LAB_HOST[^}]*\}", "lab.example", app["environment"]["STREAMLIT_SERVER_ALLOWED_HOSTS"]).split()
    address = app["command"][app["command"].index("--server.address") + 1]
    tls = Settings(tls_in_front=app["environment"]["MMDNET_TLS_IN_FRONT"]).tls_in_front
    assert why_not_here(address, signs_in=True, encrypted=tls, hosts=hosts) is None
    assert "accounts add" in (why_not_here(address, signs_in=False, encrypted=tls, hosts=hosts) or "")


def test_the_web_server_takes_its_configuration(tmp_path: Path) -> None:
    nginx, openssl = program("nginx"), program("openssl")
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    keys = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run([openssl, *request, *keys], check=True, capture_output=True)
    text = (
        (DEPLOY / "nginx.conf").read_text().replace("/etc/nginx/tls", str(tmp_path)).replace("app:8501", "127.0.0.1:9")
    )
    text = text.replace("listen 80;", f"listen unix:{tmp_path}/80;").replace(
        "listen 443", f"listen unix:{tmp_path}/443"
    )
    folders = "".join(f"{kind}_temp_path {tmp_path}/{kind}; " for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    whole = f"pid {tmp_path}/pid; events {{}} http {{ access_log off; client_body_temp_path {tmp_path}/body; {folders} {text} }}"
    (tmp_path / "whole.conf").write_text(whole)
    said = subprocess.run(
        [nginx, "-t", "-c", tmp_path / "whole.conf", "-e", tmp_path / "log"], capture_output=True, text=True
    )
    assert said.returncode == 0 and "[warn]" not in said.stderr, said.stderr


def test_the_service_manager_takes_the_units(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    units = []
    for unit in DEPLOY.glob("*.service"):
        units.append(tmp_path / unit.name.replace("@", "@two"))
        text = (
            unit.read_text().replace("/opt/mmdnet/.venv/bin/mmdnet", "/bin/true").replace("/opt/mmdnet", str(tmp_path))
        )
        units[-1].write_text(text)
    said = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, text=True)
    wrong = [line for line in said.stderr.splitlines() if str(tmp_path) in line or "mmdnet-" in line]
    assert len(units) == 2 and wrong == []


def test_the_batch_script_is_a_shell_script() -> None:
    subprocess.run(["bash", "-n", DEPLOY / "worker.slurm"], check=True)
