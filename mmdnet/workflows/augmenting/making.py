"""Making the children of a batch and judging them, parent by parent, so that a job killed anywhere goes on.

A child's file is written first and its row last; a row is there only with a whole file, and the database lets no child
be there twice. What a child looks like follows from its own seed, so a break changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from db import synthetic as rows
from db.models import Augmentation, SyntheticPatch
from mmdnet.augment.choices import DiffusionChoices
from mmdnet.augment.gate import Look, cosine_distance, fit_reference, judge, look_at, ssim
from mmdnet.augment.provenance import BatchPlan, Floor, Origin, ParentPlan
from mmdnet.augment.weights_folder import examine_folder
from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.settings import Settings
from mmdnet.words import count
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.training.pixels import PatchPixels
from mmdnet.workflows.training.synthetic import FOLDER, read_png, synthetic_file

if TYPE_CHECKING:
    from mmdnet.augment.diffusion import Diffuser
    from mmdnet.workflows.augmenting.gate_networks import GateNetworks

PARENTS_AT_ONCE = 4  # made together, then judged, so that the gate's word is seen early
FLOOR_PATCHES = 8
REFERENCE_PATCHES = 64  # of a site
FEW_PASS = 0.3


def floor_file(settings: Settings, augmentation_id: int, patch_id: int) -> Path:
    """Where the round trip of a parent through the codec lies, a PNG."""
    return settings.folder(FOLDER) / str(augmentation_id) / f"codec-{patch_id}.png"


def png_of(pixels: np.ndarray) -> bytes:
    """RGB pixels, uint8 (side, side, 3), as a PNG."""
    import cv2

    return cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()


def child_seed(seed: int, parent_id: int, number: int) -> int:
    """The seed of one child, the same whatever else is made."""
    digest = hashlib.sha256(f"{seed} {parent_id} {number}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


class BatchMaker:
    """One attempt at a batch."""

    def __init__(
        self,
        services: Services,
        context: JobContext,
        augmentation_id: int,
        choices: DiffusionChoices,
        origin: Origin,
        batch: BatchPlan,
    ) -> None:
        self._services, self._context, self._id = services, context, augmentation_id
        self._choices, self._origin, self._batch = choices, origin, batch
        self._place = {parent.patch_id: at for at, parent in enumerate(batch.parents)}

    def run(self) -> None:
        """Make what is missing and judge what is not judged."""
        todo = self._open_parents()
        if todo:
            self._work(todo)
        counts = self._counts()
        passed = counts.get((True, None), 0)
        said = f"{passed} of {count(sum(counts.values()), 'synthetic patch')} passed the gate."
        if sum(counts.values()) and passed < FEW_PASS * sum(counts.values()):
            said += " So few mean that the settings are too strong, or the weights unfit for this tissue."
        self._context.progress(1.0, said)

    def _work(self, todo: Sequence[ParentPlan]) -> None:
        from mmdnet.augment.diffusion import load_diffuser
        from mmdnet.nn.device import best_device
        from mmdnet.workflows.augmenting.gate_networks import load_gate_networks

        weights = examine_folder(self._choices.weights.expanduser())
        self._context.progress(0.0, "reading the weights")
        hashes = weights.sha256()
        if self._origin.sha256 and self._origin.sha256 != hashes:
            raise LabError(
                f"The weights in {weights.name} are others than this job began with. Put those back, or start a "
                "new batch. What was made is kept."
            )
        self._context.progress(0.0, "decoding the parents")
        with self._services.db() as session:
            ids = [parent.patch_id for parent in self._batch.parents]
            self._pixels = PatchPixels.of(session, self._services.settings, ids, self._context.progress)
        device = best_device(self._choices.device)
        diffuser = load_diffuser(weights, self._choices, device)
        diffuser.told = lambda sentence: self._context.progress(self._share(), sentence)
        networks = load_gate_networks(self._services, self._choices.gate_model, self._batch.patch_px, device)
        self._describe(hashes, diffuser, networks)
        for at in range(0, len(todo), PARENTS_AT_ONCE):
            parents = todo[at : at + PARENTS_AT_ONCE]
            self._make(diffuser, parents)
            for parent in parents:
                self._judge(networks, parent)
            self._tell()

    # -- what the batch rests on ---------------------------------------------------------------------------------

    def _describe(self, hashes: dict[str, list[str]], diffuser: Diffuser, networks: GateNetworks) -> None:
        """Write down weights, versions, floor and what the sites are like, once."""
        if self._origin.floor is not None:
            return
        self._context.progress(0.0, "looking at the sites and at what the codec alone changes")
        random = np.random.default_rng((self._choices.seed, 37))
        sites = {}
        for site in sorted({parent.site for parent in self._batch.parents}):
            mine = np.array([at for at, parent in enumerate(self._batch.parents) if parent.site == site])
            some = np.sort(random.permutation(mine)[:REFERENCE_PATCHES])
            sites[site] = fit_reference(self._pixels.read(some), networks.embed)
        looked = np.sort(random.permutation(len(self._batch.parents))[:FLOOR_PATCHES])
        update = {
            "sha256": hashes,
            "versions": {name: version(name) for name in ("diffusers", "transformers", "torch")},
            "device": diffuser.device,
            "dtype": str(diffuser.dtype).removeprefix("torch."),
            "sites": sites,
            "gate_backbone": networks.backbone,
            "gate_weights": networks.model_sha256,
            "floor": self._floor(diffuser, networks, looked, max(site.most_distance for site in sites.values())),
        }
        self._origin = self._origin.model_copy(update=update)
        self._context.check()
        with self._services.db.begin() as session:
            row = must_get(session, Augmentation, self._id, "batch of synthetic patches")
            row.origin = self._origin.model_dump(mode="json")

    def _floor(self, diffuser: Diffuser, networks: GateNetworks, places: np.ndarray, drift: float) -> Floor:
        patches = self._pixels.read(places)
        coded = diffuser.round_trip(patches)
        before, after = (look_at(images, self._batch.patch_mpp, networks.embed) for images in (patches, coded))
        pairs = list(zip(before, after, strict=True))
        patch_ids = tuple(self._batch.parents[place].patch_id for place in places)
        for patch_id, pixels in zip(patch_ids, coded, strict=True):
            write_aside(floor_file(self._services.settings, self._id, patch_id), png_of(pixels))
        distance = float(np.median([cosine_distance(a.features, b.features) for a, b in pairs]))
        return Floor(
            patches=len(places),
            patch_ids=patch_ids,
            difference=float(np.abs(patches.astype(np.int16) - coded).mean()),
            similarity=float(np.median([ssim(a.pixels, b.pixels) for a, b in pairs])),
            fat_change=float(np.median([abs(a.fat - b.fat) for a, b in pairs])),
            distance=distance,
            unfit=distance > drift,
        )

    # -- making and judging --------------------------------------------------------------------------------------

    def _open_parents(self) -> list[ParentPlan]:
        """Parents with a child that is missing or not judged."""
        with self._services.db() as session:
            done = Counter(child.parent_id for child in rows.children_of(session, self._id) if child.judged)
        return [parent for parent in self._batch.parents if done[parent.patch_id] < self._choices.children]

    def _make(self, diffuser: Diffuser, parents: Sequence[ParentPlan]) -> None:
        from mmdnet.augment.diffusion import Order

        missing = [
            (parent, number)
            for parent in parents
            for number in sorted(set(range(self._choices.children)) - self._numbers(parent))
        ]
        while missing:
            some, missing = missing[: diffuser.batch_size], missing[diffuser.batch_size :]
            orders = [
                Order(
                    self._pixels.read(np.array([self._place[parent.patch_id]]))[0],
                    parent.prompt,
                    child_seed(self._choices.seed, parent.patch_id, number),
                )
                for parent, number in some
            ]
            images = diffuser.children(orders)
            self._keep(some, orders, images)
            self._tell()

    def _numbers(self, parent: ParentPlan) -> set[int]:
        with self._services.db() as session:
            return {child.number for child in rows.children_of_parent(session, self._id, parent.patch_id)}

    def _keep(self, made: Sequence[tuple[ParentPlan, int]], orders: Sequence[object], images: np.ndarray) -> None:
        """Files first, rows last and at once."""
        self._context.check()
        children = []
        for (parent, number), image in zip(made, images, strict=True):
            png = png_of(image)
            path = synthetic_file(self._services.settings, self._id, parent.patch_id, number)
            write_aside(path, png)
            children.append(
                SyntheticPatch(
                    augmentation_id=self._id,
                    parent_id=parent.patch_id,
                    number=number,
                    grades=parent.grades,
                    prompt=parent.prompt,
                    seed=child_seed(self._choices.seed, parent.patch_id, number),
                    sha256=hashlib.sha256(png).hexdigest(),
                )
            )
        self._context.check()
        with self._services.db.begin() as session:
            session.add_all(children)

    def _judge(self, networks: GateNetworks, parent: ParentPlan) -> None:
        """Judge a parent's children in their order; those that passed before are the siblings of the next."""
        with self._services.db() as session:
            children = rows.children_of_parent(session, self._id, parent.patch_id)
        paths = [synthetic_file(self._services.settings, self._id, c.parent_id, c.number) for c in children]
        images = np.stack([self._pixels.read(np.array([self._place[parent.patch_id]]))[0], *map(read_png, paths)])
        expected = networks.expected_grades(images)
        own, *looks = look_at(images, self._batch.patch_mpp, networks.embed, expected)
        siblings: list[Look] = []
        verdicts = {}
        for child, look in zip(children, looks, strict=True):
            site = self._origin.sites[parent.site]
            verdict = judge(look, own, siblings, site, parent.grades.get("steatosis"), self._origin.limits)
            verdicts[child.id] = verdict
            if verdict.refused is None:
                siblings.append(look)
        self._context.check()
        with self._services.db.begin() as session:
            for number, verdict in verdicts.items():
                row = must_get(session, SyntheticPatch, number, "synthetic patch")
                row.judged, row.refused = True, verdict.refused
                row.gate_values = verdict.values.model_dump(mode="json")

    # -- telling -------------------------------------------------------------------------------------------------

    def _counts(self) -> dict[tuple[bool, str | None], int]:
        with self._services.db() as session:
            return rows.verdict_counts(session, self._id)

    def _share(self) -> float:
        return sum(self._counts().values()) / max(1, len(self._batch.parents) * self._choices.children)

    def _tell(self) -> None:
        counts = self._counts()
        made, wanted = sum(counts.values()), len(self._batch.parents) * self._choices.children
        passed = counts.get((True, None), 0)
        said = f"{made} of {wanted} made, {passed} passed the gate"
        self._context.progress(made / wanted, said, made=made, wanted=wanted, passed=passed)
