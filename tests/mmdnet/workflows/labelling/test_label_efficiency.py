from types import SimpleNamespace

from mmdnet.labels.efficiency_result import FILE, EfficiencyResult
from mmdnet.settings import DEMO_MODEL, Settings
from mmdnet.workflows.labelling.label_efficiency import LabelEfficiency
from mmdnet.workflows.services import Services


def test_the_labs_own_result_comes_before_the_one_that_is_shipped_and_a_damaged_one_is_passed_over(tmp_path):
    use_case = LabelEfficiency(Services(Settings(home=tmp_path), SimpleNamespace(), SimpleNamespace()))
    shipped = EfficiencyResult.model_validate_json((DEMO_MODEL / FILE).read_bytes())
    assert use_case.newest() == shipped
    own = tmp_path / "experiments" / FILE
    own.parent.mkdir()
    own.write_text(shipped.model_copy(update={"slides": 12}).model_dump_json())
    assert use_case.newest().slides == 12
    own.write_text('{"format": 1}')
    assert use_case.newest() == shipped
