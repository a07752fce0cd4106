"""A webhook as commands look for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.cli.console.output import say

if TYPE_CHECKING:
    from bridge.store.protocol import Store

NEAR = 1000
"""The newest webhooks, among which near ids are sought."""


async def unknown(store: Store, webhook_id: str) -> None:
    from difflib import get_close_matches

    from bridge.store.archive import Wanted

    say(f"no webhook {webhook_id} is known: it never came, or retention deleted its line")
    newest = [one.id for one in await store.webhooks(Wanted(limit=NEAR))]
    near = get_close_matches(webhook_id.upper(), newest, n=3, cutoff=0.7)
    if near:
        say(f"did you mean {', '.join(near)}?")
