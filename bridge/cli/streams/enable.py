"""`caep-bridge streams enable` of a stream that its receiver made: what the service or an operator paused goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.cli.console.changing import record
from bridge.cli.console.output import say, write, write_json
from bridge.clock import SystemClock

if TYPE_CHECKING:
    from bridge.model import Subscription
    from bridge.pipeline.streams.roster import Entry
    from bridge.store.protocol import Store


async def let_go_on(store: Store, entry: Entry, reason: str, as_json: bool) -> int:
    """1, and a word about it, where that is for its receiver to say or for the configuration."""
    row = entry.row
    made = row.subscription if row is not None else None
    if row is None or made is None:
        return 1
    if entry.standing == "orphaned":
        say(f"{entry.name} does not run: its client {row.client} is no longer in [oauth.clients]")
        return 1
    if made.status != "enabled" and made.by == "receiver":
        say(f"{entry.name} was {made.status} by its receiver{_why(made)}: only the receiver can let it go on")
        if not row.paused:
            return 1
        await store.pause(row.id, "")
        await record(store, "streams.enable", entry.name, reason, f"paused: {row.paused}", made.status)
        return done(entry.name, made.status, f"the operator's pause of {entry.name} is over", as_json)
    if not row.paused and made.status == "enabled":
        return done(entry.name, "enabled", f"{entry.name} was not paused", as_json)
    if not await _enabled(store, row.id, made):
        say(f"{entry.name} was changed at this moment; try again")
        return 1
    await store.pause(row.id, "")
    await record(store, "streams.enable", entry.name, reason, f"paused: {row.paused or made.reason}", "runs")
    return done(entry.name, "enabled", f"{entry.name} goes on", as_json)


async def _enabled(store: Store, stream_id: str, made: Subscription) -> bool:
    if made.status == "enabled":
        return True
    goes_on = replace(made, status="enabled", by="service", reason="", since=SystemClock().now())
    return await store.change_subscription(stream_id, made.version, goes_on)


def _why(made: Subscription) -> str:
    return f" ({made.reason})" if made.reason else ""


def done(name: str, state: str, words: str, as_json: bool) -> int:
    if as_json:
        write_json({"stream": name, "state": state})
    else:
        write(words)
    return 0
