import io
import json
import os
import subprocess
import sys

import pytest

from db.engine import make_engine, migrate, session_factory
from db.models import Job
from mmdnet.jobs.child import DONE, FAILED, Order
from mmdnet.jobs.context import write_token
from mmdnet.settings import Settings

CHILD = [sys.executable, "-m", "tests.mmdnet.jobs.fake_child"]


@pytest.fixture
def order(tmp_path):
    folder = tmp_path / "jobs" / "one"
    folder.mkdir(parents=True)
    write_token(folder, "1 here")
    settings = Settings(home=tmp_path)
    migrate(settings.lab_url)
    return Order("one", folder, "1 here", settings)


def do(order, kind, **spec):
    """Run one attempt to its end: exit code, what it told its worker by kind, what it printed."""
    with session_factory(make_engine(order.settings.lab_url)).begin() as session:
        session.add(Job(id=order.job_id, kind=kind, queue="cpu", title="One", spec=spec))
    process = subprocess.Popen(CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(order.line())
    process.stdin.flush()
    out, log = process.stdout.read().decode(), process.stderr.read().decode()
    process.stdin.close()
    code = process.wait()
    told = [(line.split(" ", 1)[0], json.loads(line.split(" ", 1)[1])) for line in io.StringIO(out)]
    return code, told, log


def test_an_order_is_read_as_it_was_written_and_leaves_the_rest_of_the_pipe(order):
    reading, writing = os.pipe()
    os.write(writing, order.line() + b"stop\n")
    assert Order.read(reading) == order
    assert os.read(reading, 100) == b"stop\n"


def test_no_order_says_who_starts_a_job():
    reading, writing = os.pipe()
    os.close(writing)
    with pytest.raises(SystemExit, match="started by a worker"):
        Order.read(reading)


def test_progress_goes_to_the_worker_and_what_is_printed_to_the_log(order):
    code, told, log = do(order, "count", epochs=2, seconds=0.01)
    assert code == DONE
    assert told == [
        ("@progress", {"share": 0.5, "message": "epoch 1", "numbers": {"eta_s": None, "loss": 1.0}}),
        ("@progress", {"share": 1.0, "message": "epoch 2", "numbers": {"eta_s": None, "loss": 0.5}}),
    ]
    assert "counted to the end" in log


@pytest.mark.parametrize(
    ("kind", "sentence", "passing"),
    [
        ("refuse", "There are no labels yet", False),
        ("broken", "a fault of the program", False),
        ("away", "database is busy", True),
    ],
)
def test_a_failure_is_one_sentence_and_private_details_stay_in_the_log(order, kind, sentence, passing):
    code, told, log = do(order, kind)
    assert code == FAILED
    assert [name for name, _ in told] == ["@failure"] and sentence in told[0][1]["sentence"]
    assert told[0][1]["passing"] is passing
    assert "private" not in told[0][1]["sentence"] and "Traceback" in log
