"""An evaluation with a site whose name would break every kind of file."""

import pytest

from mmdnet.evaluation.evaluate import evaluate
from mmdnet.evaluation.result import Apart
from tests.mmdnet.evaluation.crafted import case

HOSTILE = "=1+1|*a*_b_ <i>&$x$ \\end{table}%"


@pytest.fixture(scope="module")
def judged():
    cases = [case(k, (k % 3, k % 4, k % 4), (k % 3, k % 4, (k + k // 6) % 4), site="North" if k % 2 else HOSTILE)
             for k in range(12)]  # fmt: skip
    return evaluate(
        cases, f"Model {HOSTILE}", "density", Apart(learnt_from=("a",), refused=(("b", "Gone."),)), resamples=50
    )
