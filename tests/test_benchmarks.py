"""The table at the end of several benchmarks says of each whether it was reached."""

import json

import pytest

from benchmarks.__main__ import GROUPS, main, names
from benchmarks._audit import read
from benchmarks._kept import HERE, kept, on_stderr
from benchmarks.result import Result, table


def test_a_table_names_what_was_reached_and_what_was_not():
    also = {"% of glass outside": (97.0, "least", 98)}
    lines = table(
        [
            Result("read", 6.71, "times", {"reach": 5}),
            Result("memory", 1.3, "times", {"reach": 1.2, "reach_is": "most"}),
            Result("tissue", 99.5, "%", {"reach": 99, "also": also}),
            Result("zoom", None, "not run", {"reason": "There is no Chromium."}),
        ]
    ).split("\n")
    assert [line.split("  ")[-1].strip() for line in lines[1:]] == [
        "reached", "NOT reached", "reached", "NOT reached", "There is no Chromium.",
    ]  # fmt: skip
    assert "<= 1.2" in lines[2] and "97 % of glass outside" in lines[4]


def test_a_group_holds_benchmarks_there_are():
    assert {name for group in GROUPS.values() for name in group} <= set(names())


def test_several_end_with_a_table_and_one_that_could_not_run_is_told_by_the_exit_code(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("benchmarks.features.SHAPE", (200, 16))
    monkeypatch.setenv("MMDNET_REAL_DATA", str(tmp_path))  # nothing is there
    assert main(["features", "artefacts", "--quick"]) == 1
    *lines, empty, header, features, artefacts = capsys.readouterr().out.rstrip().split("\n")
    assert [json.loads(line)["benchmark"] for line in lines] == ["features", "artefacts"]
    assert (empty, header.split()[0], features.split()[0]) == ("", "benchmark", "features")
    assert artefacts.startswith("artefacts") and "The real tiles are not here" in artefacts


def test_a_single_one_prints_its_line_alone(capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.features.SHAPE", (200, 16))
    assert main(["features", "--quick"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] > 0


def test_what_takes_long_to_make_is_kept_where_it_is_asked_for_and_the_output_stays_one_line(
    capsys, monkeypatch, tmp_path
):
    monkeypatch.setattr("benchmarks._kept._PLACE.folder", HERE)
    monkeypatch.setattr("benchmarks.features.SHAPE", (200, 16))
    assert kept("calibration") == HERE / "calibration"
    assert main(["features", "--quick", "--keep", str(tmp_path)]) == 0
    assert kept("calibration") == tmp_path / "calibration"
    tell = on_stderr("test cohort")
    tell(0.1, "1 of 10 slides read")
    tell(0.2, "2 of 10 slides read")
    tell(1.0, "10 of 10 slides read")
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 1
    assert told.err.splitlines() == ["test cohort: 1 of 10 slides read", "test cohort: 10 of 10 slides read"]


@pytest.mark.parametrize(
    ("packages", "findings", "said"),
    [
        ([{"name": "a", "vulns": []}, {"name": "b", "vulns": [{"id": "PYSEC-1"}]}], ("b: PYSEC-1",), "looked at 2 packages"),
        ([{"name": "a", "vulns": []}, {"name": "b", "skip_reason": "not found"}], (), "1 package, 1 more are not known"),
        ([{"name": "a", "skip_reason": "not found"}], (), "not run: its service knows none of 1 package"),
    ],
)  # fmt: skip
def test_a_package_the_audits_service_does_not_know_is_not_called_clean(packages, findings, said):
    came = read(json.dumps({"dependencies": packages}))
    assert came.findings == findings and said in came.said
