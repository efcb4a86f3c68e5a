"""Counts in words."""

import pytest

from mmdnet.words import count


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("slide",), "0 slides"),
        (1, ("slide",), "1 slide"),
        (1240, ("patch", "patches"), "1,240 patches"),
        (1, ("row is", "rows are"), "1 row is"),
        (3, ("patch",), "3 patches"),
        (30, ("epoch",), "30 epochs"),
    ],
)
def test_one_is_singular_and_all_else_plural(number, words, said):
    assert count(number, *words) == said
