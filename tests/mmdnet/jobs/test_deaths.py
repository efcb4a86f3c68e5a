"""What is told of a process that ended without a word is what the system counted, and nothing more."""

import pytest

from mmdnet.jobs.deaths import MemoryKills, how_it_ended, memory_kills

NONE = MemoryKills()


@pytest.mark.parametrize(
    ("code", "after", "words"),
    [
        (-9, MemoryKills(group=1, machine=1, limit_bytes=2 * 2**30), "memory ran out in its control group, which may use 2.0 GiB"),
        (-9, MemoryKills(machine=1), "signal 9) while the machine was out of memory"),
        (-9, NONE, "signal 9 (SIGKILL); nothing says that memory ran out"),
        (137, NONE, "signal 9 (SIGKILL)"),
        (-11, MemoryKills(machine=1), "signal 11 (SIGSEGV)."),
        (3, NONE, "exit code 3"),
        (0xC0000005, NONE, "exit code 3221225477"),
    ],
)  # fmt: skip
def test_the_sentence_says_what_was_seen(code, after, words):
    assert words in how_it_ended(code, NONE, after)


def write(root, **files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_counts_of_both_versions_of_control_groups_are_read(tmp_path):
    vmstat = {"proc/vmstat": "pgfault 7\noom_kill 5\n"}
    second = {
        "proc/self/cgroup": "0::/user/lab\n",
        "sys/fs/cgroup/user/lab/memory.events": "oom 3\noom_kill 2\n",
        "sys/fs/cgroup/user/lab/memory.max": "1073741824\n",
    }
    write(tmp_path / "v2", **vmstat, **second)
    assert memory_kills(tmp_path / "v2") == MemoryKills(2, 5, 2**30)
    first = {
        "proc/self/cgroup": "9:name=systemd:/\n4:memory:/lab\n0::/\n",
        "sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    write(tmp_path / "v1", **vmstat, **first)
    assert memory_kills(tmp_path / "v1") == MemoryKills(1, 5, None)
    assert memory_kills(tmp_path / "nowhere") == MemoryKills()
