r"""The stain of another slide of the lab: what the sections of other days and hands looked like, on this one's tissue.

In optical density a section is :math:`D = S c` with two stains :math:`S` (Macenko et al. 2009) and their amounts
:math:`c`. Another section's stains and strength are put in their place,

.. math:: D' = S_u \operatorname{diag}(a_t / a_s)^{u} S_s^{-1} D, \qquad S_u \propto S_s + u (S_t - S_s)

with the columns of :math:`S_u` of length 1 and a share :math:`u` between 0 and 1.5 (Tellez et al. 2019 call it stain
mixing): beyond 1 it goes on in the same direction, as a site that was never seen may. What two stains do not explain
stays as it is. It is one matrix for :math:`\ln L`, so it costs nothing beside the change of stain that is made anyway
(`mmdnet.augment.stain`).

Slides of one stain swap among each other alone; a slide whose stain nobody stated, or with too little tissue, does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdnet.augment.stain_vectors import LEAST_OD, MOST_OD, optical_density, stain_vectors

MOST_SHARE = 1.5
SWAPPED = 0.5  # of the bags
STRENGTH_PERCENTILE = 95
MOST_STRENGTH = 1.8  # factor of a stain's strength, either way
LEAST_DEGREES = 8.0  # between a section's two stains: nearer ones are one stain, and cannot be told apart


@dataclass(frozen=True, slots=True)
class SlideStain:
    """What a section is stained with.

    Attributes:
        vectors: unit optical densities of its two stains, (2, 3), haematoxylin first.
        strength: of each, (2,): the 95th percentile of its amount in tissue.
    """

    vectors: np.ndarray
    strength: np.ndarray


def measure_stain(images: np.ndarray) -> SlideStain | None:
    """A section's stains and their strength; None where there is too little tissue, or one stain alone.

    Args:
        images: uint8 RGB of one section, (..., 3).
    """
    vectors = stain_vectors(images)
    if vectors is None or np.degrees(np.arccos(np.clip(vectors[0] @ vectors[1], -1, 1))) < LEAST_DEGREES:
        return None
    density = optical_density(images.reshape(-1, 3))
    mean = density.mean(axis=1)
    amounts = density[(mean > LEAST_OD) & (mean < MOST_OD)] @ np.linalg.pinv(vectors)
    strength = np.percentile(amounts, STRENGTH_PERCENTILE, axis=0)
    return None if (strength <= 0).any() else SlideStain(vectors, strength)


def swap_matrix(source: SlideStain, target: SlideStain, share: float) -> np.ndarray:
    """The matrix that gives a section another's stains, for optical density (column vectors), (3, 3).

    Args:
        source: of the section.
        target: of the other.
        share: 0 leaves the section as it is, 1 makes it the other.
    """
    mixed = source.vectors + share * (target.vectors - source.vectors)
    mixed = np.clip(mixed, 1e-3, None)
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    factor = np.clip((target.strength / source.strength) ** share, 1 / MOST_STRENGTH, MOST_STRENGTH)
    return _basis(mixed) @ np.diag([*factor, 1.0]) @ np.linalg.inv(_basis(source.vectors))


def _basis(vectors: np.ndarray) -> np.ndarray:
    """Two stains and what is neither as columns, (3, 3)."""
    rest = np.cross(vectors[0], vectors[1])
    return np.stack([*vectors, rest / np.linalg.norm(rest)], axis=1)


class StainSwaps:
    """The stains of a training's slides, and draws of one for another.

    Args:
        kinds: each slide's stain as stated (H&E, Masson ...); empty where nobody stated it.
        stains: what was measured of each; None where nothing could be.
    """

    def __init__(self, kinds: Sequence[str], stains: Sequence[SlideStain | None]) -> None:
        self._kinds = [kind.strip().casefold() for kind in kinds]
        self._stains = list(stains)
        self._of_kind: dict[str, list[int]] = {}
        for place, (kind, stain) in enumerate(zip(self._kinds, stains, strict=True)):
            if kind and stain is not None:
                self._of_kind.setdefault(kind, []).append(place)

    def partners(self, slide: int) -> Sequence[int]:
        """The other slides whose stain this one can be given."""
        if self._stains[slide] is None:
            return ()
        return [other for other in self._of_kind.get(self._kinds[slide], ()) if other != slide]

    def draw(self, slides: Sequence[int], random: np.random.Generator) -> np.ndarray:
        """A matrix for each bag, (bags, 3, 3): half of them as they are, half with another slide's stain.

        Args:
            slides: of each bag.
        """
        matrices = np.tile(np.eye(3), (len(slides), 1, 1))
        chances, picks, shares = random.random((3, len(slides)))
        for place, slide in enumerate(slides):
            partners = self.partners(slide)
            source = self._stains[slide]
            if source is None or not partners or chances[place] >= SWAPPED:
                continue
            target = self._stains[partners[int(picks[place] * len(partners))]]
            assert target is not None
            matrices[place] = swap_matrix(source, target, MOST_SHARE * shares[place])
        return matrices
