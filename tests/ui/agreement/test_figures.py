"""Figures of agreement: what stands where, and that names are shown as they are."""

import re

from tests.ui.agreement.test_agreement import pair
from ui.agreement.figures import grade_matrix, kappa_rows


def test_every_comparison_is_a_dot_with_its_interval_and_one_below_the_scale_stands_at_its_end():
    pairs = (pair(), pair(key="model-1", kind="model", kappa=-0.6), pair(task="ballooning", kappa=0.1))
    rows = {"readers-1-2": "Ada – <Ben>", "model-1": "Ada – model"}
    html = kappa_rows(rows, pairs, "kappa_quadratic", {"readers-1-2": "Ada and Ben"})
    dots = re.findall(r'<span class="(\w+)" style="left:([\d.]+)%', html)
    assert dots == [("readers", "57.7"), ("readers", "26.9"), ("model", "0.0")]
    assert "Ada and Ben: κ 0.50 (0.25 to 0.75), n 5" in html and "Ada – &lt;Ben&gt;" in html


def test_a_matrix_counts_pairs_of_grades_and_names_its_sides():
    html = grade_matrix(pair(first="<Ada>"))
    assert re.findall(r">(\d+)</td>", html)[:6] == ["1", "1", "0", "0", "0", "2"]
    assert "Down: &lt;Ada&gt; · across: Ben" in html
