"""Where the weights that a person named lie: a folder, or a hub's id among what this machine has fetched before."""

from __future__ import annotations

import re
from pathlib import Path

from mmdnet.augment.weights_folder import NOTHING_STARTED
from mmdnet.errors import LabError
from mmdnet.settings import Settings

IN_HOME = "weights"
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def weights_folder(settings: Settings, named: Path) -> Path:
    """The folder of diffusion weights, absolute, so that a worker elsewhere finds the same.

    Where slides come from named folders only (as for all pages), weights do too, or from the home's folder `weights`.
    A hub's id (owner/name) is looked up in the machine's own cache of Hugging Face; nothing is fetched.

    Raises:
        LabError: it lies elsewhere, or a hub's weights were not fetched yet.
    """
    if HUB_ID.fullmatch(str(named)) and not named.exists():
        return _from_cache(str(named))
    roots = [root.expanduser().resolve() for root in settings.slide_roots]
    try:
        resolved = named.expanduser().resolve()
    except (ValueError, OSError, RuntimeError) as error:
        raise LabError(f"{named} is no folder that can be read. {NOTHING_STARTED}") from error
    own = settings.home.resolve() / IN_HOME
    if roots and not any(resolved.is_relative_to(root) for root in [*roots, own]):
        raise LabError(
            f"Weights are read from {own} and from the folders of slides alone, and {named} lies in none of them. Put "
            f"the folder there, or use `mmdnet augment`. {NOTHING_STARTED}"
        )
    return resolved


def _from_cache(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise LabError(
            f"The weights {hub_id} are not on this machine. Fetch them once with `hf download {hub_id}`, read their "
            f"licence, and try again; or name a local folder. {NOTHING_STARTED}"
        ) from error
