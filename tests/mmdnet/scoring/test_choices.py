import subprocess
import sys

from mmdnet.scoring.choices import AUTO, ScoringChoices


def test_the_defaults_are_those_a_report_states():
    choices = ScoringChoices()
    assert (choices.rule, choices.bag_size, choices.resamples, choices.seed) == (AUTO, None, 1000, 0)


def test_a_command_line_reads_them_without_numbers():
    code = "import sys, mmdnet.scoring.choices; assert not {'torch', 'numpy', 'pydantic'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
