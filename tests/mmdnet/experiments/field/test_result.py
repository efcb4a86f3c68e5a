import json

import pytest

from mmdnet.errors import LabError
from mmdnet.experiments.field.result import cell_file, known_cell, read_field, write_cell


def test_a_result_is_read_as_it_was_written(result):
    assert read_field(result.model_dump_json()) == result
    assert result.methods == ("mean", "abmil", "ibmil", "da-mil-ms", "mmd-net")
    assert result.parts == ("seed 0", "seed 1")
    assert result.cell("mean", "seed 1").seed == 1
    assert result.cell("mean", "seed 2") is None


@pytest.mark.parametrize("text", ["", "{}", '{"version": 9}'])
def test_a_damaged_result_or_one_of_another_version_is_refused(text):
    with pytest.raises(LabError, match="another version of the program"):
        read_field(text)


def test_a_damaged_cell_and_one_of_another_version_are_not_there(result, tmp_path):
    cell = result.cells[0]
    write_cell(tmp_path, cell)
    assert known_cell(tmp_path, cell.method, cell.part) == cell
    path = cell_file(tmp_path, cell.method, cell.part)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 0}))
    assert known_cell(tmp_path, cell.method, cell.part) is None
    path.write_text("{")
    assert known_cell(tmp_path, cell.method, cell.part) is None


def test_what_is_said_must_be_said_of_every_bag(result):
    facts = json.loads(result.model_dump_json())
    facts["cells"][0]["said"]["steatosis"]["grades"].pop()
    with pytest.raises(LabError, match="damaged"):
        read_field(json.dumps(facts))
