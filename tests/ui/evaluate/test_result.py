"""A result's tables: a column's name stands once, with its feature."""

from mmdnet.evaluation.files import KINDS
from ui.evaluate.result import FILE_WORDS, _apart_names


def test_columns_of_several_features_are_told_apart():
    columns = ("Site", "Slides", "Steatosis: accuracy", "κ", "bias", "NAS: accuracy", "κ", "bias")
    assert _apart_names(columns) == (
        "Site", "Slides", "Steatosis: accuracy", "Steatosis: κ", "Steatosis: bias", "NAS: accuracy", "NAS: κ", "NAS: bias",
    )  # fmt: skip


def test_every_kind_of_file_has_words_for_its_button():
    assert set(FILE_WORDS) == set(KINDS)
