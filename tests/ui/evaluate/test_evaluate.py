"""What stands before a result: the page's tests draw it; here, what it offers."""

from ui.evaluate.evaluate import KINDS, LEFT_OUT
from ui.shell.jobs import KINDS as JOB_WORDS


def test_every_kind_of_evaluation_has_words_for_its_job_and_every_split_words_for_its_choice():
    assert set(KINDS) <= set(JOB_WORDS)
    assert set(LEFT_OUT) == {"patient", "site", "staining_run"}
