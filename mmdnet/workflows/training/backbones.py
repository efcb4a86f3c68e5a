"""Backbones: what a training can start from, and fetching more of them from the hub into the lab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdnet.errors import LabError
from mmdnet.nn.hub.catalogue import HubEntry, catalogue, hub_entry
from mmdnet.nn.recipe import WEIGHTS, WeightsOrigin, origin_of
from mmdnet.nn.registry import BACKBONES, backbone_entry
from mmdnet.progress import Progress, silent
from mmdnet.settings import FETCHED
from mmdnet.training.config import TrainingConfig, read_config
from mmdnet.workflows.context import JobContext, checked
from mmdnet.workflows.job_specs import BackboneSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.services import Services
from mmdnet.workflows.training.views import BackboneView


class Backbones:
    """Reachable as `lab.backbones`."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs

    def list(self) -> Sequence[BackboneView]:
        """All that can be named: those that came with the program, those fetched, those on the hub."""
        entries = catalogue()
        here = {origin.backbone: origin for origin in self._origins()}
        with_program = [
            BackboneView(entry.name, entry.title, "with the program", entry.packaged.licence)
            for entry in BACKBONES.values()
            if entry.packaged
        ]
        listed = [_view(entry, here.get(name)) for name, entry in entries.items()]
        others = [
            _view(HubEntry(name, name, origin.hub_id), origin) for name, origin in here.items() if name not in entries
        ]
        return [*with_program, *listed, *others]

    def get(self, name: str, progress: Progress = silent, folder: Path | None = None) -> BackboneView:
        """Fetch a backbone's weights from the hub into the lab, now, or take them from a folder on this machine.

        Args:
            name: of the list, or a repository of the hub in timm's form, "owner/name".
            progress: told how far it is.
            folder: a repository as it was downloaded elsewhere; nothing is asked of the hub then.

        Raises:
            LabError: see `mmdnet.nn.hub.fetch.fetch`; nothing was changed then.
        """
        from mmdnet.nn.hub.fetch import fetch, take_folder

        entry, side = hub_entry(name), self._services.settings.patch_px
        if folder is not None:
            origin = take_folder(entry.name, folder, self._place(), progress, side)
        else:
            origin = fetch(entry.name, self._place(), progress, side)
        return _view(entry, origin)

    def submit(self, name: str) -> str:
        """Fetch it in the background; the job's number.

        Raises:
            LabError: there is none of that name, or it cannot be fetched.
        """
        entry = hub_entry(name)
        return self._jobs.submit(f"Fetch the backbone {entry.name}", BackboneSpec(name=entry.name))

    def run(self, context: JobContext, name: str) -> None:
        """Fetch it (in the worker)."""
        view = self.get(name, checked(context))
        context.progress(1.0, f"{view.name} is here, {view.licence or 'no licence stated'}")

    def configured(self, choices: Mapping[str, Any]) -> TrainingConfig:
        """The choices of a training, read; a backbone that was fetched starts from its weights unless others are given.

        Raises:
            LabError: a choice that does not work, or a backbone of the hub that was not fetched yet.
        """
        config = read_config(choices)
        entry = backbone_entry(config.backbone)
        if config.weights is not None or config.pretrain_epochs or (entry is not None and entry.packaged):
            return config
        from mmdnet.nn.hub.fetch import usable_weights

        weights = usable_weights(config.backbone, self._services.settings.fetched_backbones)
        return config if weights is None else read_config({**choices, "weights": weights})

    def _origins(self) -> Sequence[WeightsOrigin]:
        origins = [
            origin_of(path) for path in sorted(self._services.settings.fetched_backbones.glob(f"[!.]*/{WEIGHTS}"))
        ]
        return [origin for origin in origins if origin is not None]

    def _place(self) -> Path:
        try:
            return self._services.settings.folder(FETCHED)
        except OSError as error:
            raise LabError(f"The lab's folder cannot be written: {error.strerror}. Nothing was changed.") from error


def _view(entry: HubEntry, origin: WeightsOrigin | None) -> BackboneView:
    state = "here" if origin else "not by this program" if entry.not_here else "on the hub"
    return BackboneView(
        name=entry.name,
        title=entry.title,
        state=state,
        licence=origin.licence if origin else entry.licence,
        gated=entry.gated,
        hub_id=entry.hub_id,
        revision=origin.revision if origin else "",
        sha256=origin.weights_sha256 if origin else "",
        note=entry.not_here,
    )
