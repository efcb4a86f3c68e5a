import pytest

from mmdnet.experiments.field.comparison import Comparison
from tests.mmdnet.experiments.field.made import made_result


@pytest.fixture(scope="session")
def result(tmp_path_factory):
    """Two seeds of the small plan."""
    return made_result(tmp_path_factory.mktemp("field"))


@pytest.fixture(scope="session")
def comparison(result):
    """Their comparison; what was computed of it is kept."""
    return Comparison(result)
