"""How many labels are enough: the lab's own measurement, or the one that comes with the demo model."""

from __future__ import annotations

from pydantic import ValidationError

from mmdnet.labels.efficiency_result import FILE, EfficiencyResult
from mmdnet.settings import DEMO_MODEL, EXPERIMENTS
from mmdnet.workflows.services import Services


class LabelEfficiency:
    """Use cases reachable as `lab.label_efficiency`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def newest(self) -> EfficiencyResult | None:
        """The lab's own result, else the one that comes with the demo model; None where neither can be read."""
        for path in (self._services.settings.home.resolve() / EXPERIMENTS / FILE, DEMO_MODEL / FILE):
            try:
                return EfficiencyResult.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue
        return None
