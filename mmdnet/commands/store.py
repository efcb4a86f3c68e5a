"""`mmdnet store …`: decoded patches and features that are kept, whether they are sound, and room made among them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from mmdnet.cli_parts import AsJson, Home, lab_at, say
from mmdnet.words import count

if TYPE_CHECKING:
    from mmdnet.workflows.slides.views import StoreView

store_app = typer.Typer(
    help="Decoded patches and features that are kept: what there is, and its limit.", no_args_is_help=True
)


@store_app.command("list")
def store_list(home: Home = None, as_json: AsJson = False) -> None:
    """List what is kept, the longest unused first."""
    store = lab_at(home).store
    _say_stores(as_json, store.list(), store.limit_bytes, "kept")


@store_app.command("verify")
def store_verify(home: Home = None, as_json: AsJson = False) -> None:
    """Read every pixel that is kept and compare it with what was written."""
    store = lab_at(home).store
    stores = store.verify()
    _say_stores(as_json, stores, store.limit_bytes, "kept")
    if any(entry.fault for entry in stores):
        if not as_json:
            print("Remove what is damaged: mmdnet store prune. It is made again when it is needed.", file=sys.stderr)
        sys.exit(1)


@store_app.command("prune")
def store_prune(home: Home = None, as_json: AsJson = False) -> None:
    """Remove what is damaged, then the longest unused until the rest fits MMDNET_CACHE_GIB. What is in use stays."""
    store = lab_at(home).store
    _say_stores(as_json, store.prune(), store.limit_bytes, "removed")


def _say_stores(as_json: bool, stores: Sequence[StoreView], limit_bytes: int, what: str) -> None:
    total = sum(store.bytes for store in stores)
    lines = [
        f"{store.key[:12]}  {store.bytes / 2**20:8.1f} MiB  {store.used_at:%Y-%m-%d %H:%M}  "
        + (store.fault or f"{store.slide}, {store.kind} {store.patches}" + (", in use" if store.in_use else ""))
        for store in stores
    ]
    limit = f"the limit is {limit_bytes / 2**30:g} GiB"
    lines.append(f"{count(len(stores), 'store')} {what}, {total / 2**30:.2f} GiB; {limit}.")
    say(as_json, {"stores": stores, "bytes": total, "limit_bytes": limit_bytes}, "\n".join(lines))
