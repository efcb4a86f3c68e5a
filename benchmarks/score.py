"""[score] A first score, from file to grades, beside reading and the bare forward pass of the backbone."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks._mosaic import tissue_field, write_mosaic
from benchmarks.read import MPP, SIDE_PX, opened, places_in_block
from benchmarks.result import Result, cpu_ms
from db.models import Slide
from mmdnet.nn.card import read_card
from mmdnet.nn.device import PATCHES_AT_ONCE
from mmdnet.nn.engines import WORTHWHILE, embedder_for, frozen_network
from mmdnet.nn.registry import PRETRAINED
from mmdnet.progress import silent
from mmdnet.scoring.slide import score_features
from mmdnet.settings import DEMO_MODEL, ENGINES, Settings
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX, PatchGrid
from mmdnet.slides.readers.open import open_slide
from mmdnet.workflows.slides.feature_store.extractor import Extractor
from mmdnet.workflows.slides.feature_store.features import kept_features
from mmdnet.workflows.slides.stores import feature_stores

REACH = 0.92


def run(quick: bool = False) -> Result:
    """Processor time of reading and forward pass as a share of the whole first score, with the default backbone.

    The whole: the slide's file is opened and compared with what was added, patches are read ahead by threads, features
    are computed by the engine chosen on this machine and kept, grades and intervals come of them. The limit: the same
    patches read by one thread and nothing else, and the same engine on patches that lie in memory.
    """
    torch.set_num_threads(1)
    rows, cols, runs = (10, 16, 3) if quick else (20, 24, 5)
    field, content = tissue_field()
    net = frozen_network(PRETRAINED, PATCH_PX)
    card = read_card(DEMO_MODEL).model_copy(update=dict(net.architecture))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "home")
        path = write_mosaic(Path(folder) / "slide.tiff", SIDE_PX, MPP, field)
        slide = _added(path)
        with opened(path) as (reader, forget):
            grid = PatchGrid((0, 0), PATCH_PX, PATCH_MPP, MPP, MPP)
            places = places_in_block(grid, rows, cols)
            extractor = Extractor.of(net, "cpu")
            read = reader.read_patches(places[:PATCHES_AT_ONCE], grid, threads=0)
            images = np.stack([patch for _, patch in read])
            engine = embedder_for(net, "cpu", max(len(places), WORTHWHILE), images, settings.home / ENGINES)

            def whole() -> None:
                features = kept_features(settings, extractor, slide, places, range(len(places)), grid, silent)
                score_features(net, card, features, places, grid)

            def features() -> None:
                kept_features(settings, extractor, slide, places, range(len(places)), grid, silent)

            def forward() -> None:
                for _ in range(0, len(places), len(images)):
                    engine.embed(images)

            def before() -> None:
                forget()
                shutil.rmtree(feature_stores(settings)[0].folder, ignore_errors=True)

            took = cpu_ms(
                {
                    "whole": whole,
                    "features": features,
                    "reading": lambda: [patch for _, patch in reader.read_patches(places, grid, threads=0)],
                    "forward": forward,
                },
                runs,
                len(places),
                before,
            )
    beside = {
        "reach": REACH,
        **{f"{name}_cpu_ms": round(ms, 2) for name, ms in took.items()},
        "engine": engine.engine,
        "tissue": content,
        "patches": len(places),
    }
    return Result("score", (took["reading"] + took["forward"]) / took["whole"], "share of the whole", beside, runs)


def _added(path: Path) -> Slide:
    """The slide's row as adding it would write it."""
    with open_slide(path, mpp=MPP) as reader:
        facts = reader.facts
    return Slide(
        id=1,
        project_id=1,
        name=path.name,
        path=str(path),
        fingerprint=facts.fingerprint,
        width_px0=facts.width_px0,
        height_px0=facts.height_px0,
        mpp_x=facts.mpp_x,
        mpp_y=facts.mpp_y,
        mpp_source=facts.mpp_source,
        status="ready",
    )
