"""The table of grades counts each patch in the row of its own grade."""

import re

from streamlit.testing.v1 import AppTest


def test_a_grade_stands_in_the_row_of_its_own_and_the_column_of_the_one_said():
    def script():
        from ui.augment.look import _grades

        _grades("ballooning", "Real patches", "graded before as", {(1, 2): 7, (1, None): 3})

    app = AppTest.from_function(script).run()
    rows = app.get("html")[0].value.split("<tr>")[2:]
    numbers = [[int(cell) for cell in re.findall(r"<td>(\d+)</td>", row)] for row in rows]
    assert numbers == [[0, 0, 0, 0], [0, 0, 7, 3], [0, 0, 0, 0]]
