"""A lab with labels and files, to be backed up."""

import pytest


@pytest.fixture
def home_files(label_bench):
    """Files as a lab has them beside its databases."""
    home = label_bench.services.settings.home
    for name, content in {"models/run-1/weights.safetensors": b"w" * 5000, "secret.key": b"k" * 32, "scores/a": b"s"}.items():  # fmt: skip
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
    for name in ("cache/big", "logs/app.log", "uploads/a.svs"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(b"x")
    return home


@pytest.fixture
def out(tmp_path_factory):
    """A folder outside the lab's home, without links in its path."""
    return tmp_path_factory.mktemp("out").resolve()
